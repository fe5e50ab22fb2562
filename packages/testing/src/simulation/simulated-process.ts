import type { Client } from "@skein/core";

/** A process in the simulated world. Its time stands still while it is paused, and for ever once it has crashed. */
export interface SimulatedProcess {
  readonly name: string;
  /** Virtual ms since the world began. */
  now(): number;
  /** Use it in place of setTimeout: real time does not pass here. */
  sleep(ms: number): Promise<void>;
  /** Uniform in [0, 1), seeded. Use it in place of Math.random. */
  random(): number;
  /** A line for the trace. */
  log(text: string): void;
  readonly client: Client;
  /** `client.service`. */
  readonly service: Client["service"];
}
