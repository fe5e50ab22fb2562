import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { extname, join } from "node:path";

export interface Child {
  readonly name: string;
  readonly pid: number;
  readonly process: ChildProcess;
  /** Exit code, or the signal's name. */
  readonly exited: Promise<number | string>;
}

const running = new Set<ChildProcess>();

/** Starts one of this folder's programs and waits until it says that it is ready. Rejects with what it printed when it ends before. */
export async function start(name: string, program: string, env: NodeJS.ProcessEnv): Promise<Child> {
  // Beside this file, whether that is the source or what was built from it.
  const child = fork(join(import.meta.dirname, program + extname(import.meta.filename)), {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  running.add(child);
  let printed = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (chunk) => (printed = (printed + chunk).slice(-4000)));
  const exited = once(child, "exit").then(([code, signal]) => {
    running.delete(child);
    return (code ?? signal) as number | string;
  });
  const early = exited.then((code) => {
    throw new Error(`${name} ended with ${code} before it was ready:\n${printed}`);
  });
  early.catch(() => {});
  await Promise.race([once(child, "message"), early]);
  return { name, pid: child.pid as number, process: child, exited };
}

/** Nothing outlives the run. */
export function stopAll(): void {
  for (const child of running) child.kill("SIGKILL");
}
