import type { Runtime } from "@skein/core";
import { pause } from "./pause.ts";

/** Lets so many through a second, and `burst` at once; the others wait in the order in which they came. */
export class RateLimit {
  readonly #runtime: Pick<Runtime, "clock">;
  readonly #everyMs: number;
  readonly #burst: number;
  /** When the bucket is full again, monotonic ms. */
  #fullAt = Number.NEGATIVE_INFINITY;

  constructor(
    runtime: Pick<Runtime, "clock">,
    options: { readonly perSecond: number; readonly burst: number },
  ) {
    this.#runtime = runtime;
    this.#everyMs = 1000 / options.perSecond;
    this.#burst = options.burst;
  }

  /** Resolves when it is one's turn, or as soon as `signal` aborts. */
  async take(signal: AbortSignal): Promise<void> {
    const now = this.#runtime.clock.monotonic();
    this.#fullAt = Math.max(this.#fullAt, now) + this.#everyMs;
    const wait = this.#fullAt - this.#burst * this.#everyMs - now;
    if (wait > 0) await pause(this.#runtime, wait, signal);
  }
}
