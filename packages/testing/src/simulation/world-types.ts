import type { SimulatedProcess } from "./simulated-process.ts";

/** The world as the body of a simulation sees it, and may change it. Processes are named: `client-1`, `user-2`, `registry`. */
export interface World {
  readonly seed: number;
  /** Virtual ms since the world began. */
  now(): number;
  sleep(ms: number): Promise<void>;
  /** Uniform in [0, 1), seeded. */
  random(): number;
  /** A line for the trace. */
  log(text: string): void;
  readonly clients: readonly SimulatedProcess[];
  /** Runs `work` in all clients at once; done when all are. */
  each(work: (client: SimulatedProcess) => Promise<void>): Promise<void>;
  /** Names of the processes that serve, whether they run now or not. */
  readonly servers: readonly string[];
  /** As kill -9; `silent`: as when the power goes, so that nobody is told. It starts again after `restartMs` (by default: 1000). */
  crash(process: string, options?: { readonly silent?: boolean; readonly restartMs?: number }): void;
  /** As SIGTERM: it drains and ends. It starts again after `restartMs` (by default: 1000). */
  stop(process: string, options?: { readonly restartMs?: number }): void;
  /** As SIGSTOP, and SIGCONT after `ms`. */
  pause(process: string, ms: number): void;
  /** Nothing passes between the two for so long, or only from `b` to `a` does. */
  partition(a: string, b: string, ms: number, ways?: "both" | "a-to-b"): void;
  /** The registry is in trouble for so long. */
  troubleRegistry(trouble: RegistryTrouble, ms: number): void;
  /** The registry loses its data. */
  wipeRegistry(): void;
}

/** `down`: refuses connections. `failing`: half of the requests fail, some of them after they were done. `slow`: seconds for an answer. `stale`: answers from a copy that gets no news. */
export type RegistryTrouble = "down" | "failing" | "slow" | "stale";
