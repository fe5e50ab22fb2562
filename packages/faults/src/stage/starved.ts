import { readFileSync } from "node:fs";

/** Of a process, by the system, ms: run, and waited for a processor. NaN where the system does not tell, or it has ended. */
function schedule(pid: number): readonly [ran: number, waited: number] {
  try {
    const [ran, waited] = readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ");
    return [Number(ran) / 1e6, Number(waited) / 1e6];
  } catch {
    return [Number.NaN, Number.NaN];
  }
}

/** How large a part of the time since it was made a process could have run and had no processor, in a hundred. NaN where the system does not tell. */
export function starvation(pid: number): () => number {
  const from = performance.now();
  const [, before] = schedule(pid);
  return () => ((schedule(pid)[1] - before) / (performance.now() - from)) * 100;
}

/** How long a process has had a processor since it was made, ms. NaN where the system does not tell. */
export function processorTime(pid: number): () => number {
  const [before] = schedule(pid);
  return () => schedule(pid)[0] - before;
}

/** How long a process could have run and had no processor since it began, ms. NaN where the system does not tell. */
export function starvedMs(pid: number): number {
  return schedule(pid)[1];
}

/** A time in which this process had no processor now and then. Wall clock, ms. */
export interface Starved {
  readonly from: number;
  readonly to: number;
  /** Of the time between. */
  readonly ms: number;
}

/** How much of the time between `from` and `to` it had no processor, ms: at most so long. */
export function starvedBetween(times: readonly Starved[], from: number, to: number): number {
  const sum = times.reduce((ms, one) => (one.to > from && one.from < to ? ms + one.ms : ms), 0);
  return Math.min(sum, to - from);
}
