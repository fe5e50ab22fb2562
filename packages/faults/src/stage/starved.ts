import { readFileSync } from "node:fs";

/** How large a part of the time since it was made a process could have run and had no processor, in a hundred. NaN where the system does not tell, or it has ended. */
export function starvation(pid: number): () => number {
  const file = `/proc/${pid}/schedstat`;
  // Nanoseconds: run, and waited.
  const waited = (): number => {
    try {
      return Number(readFileSync(file, "utf8").split(" ")[1]) / 1e6;
    } catch {
      return Number.NaN;
    }
  };
  const from = performance.now();
  const before = waited();
  return () => ((waited() - before) / (performance.now() - from)) * 100;
}
