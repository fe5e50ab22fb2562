import type { Runtime, Timer } from "@skein/core";

/** A wait so short is what was lost in a sum of fractions. */
const ROUNDING_MS = 1e-3;

/** Lets so many through a second, and `burst` at once; the others wait in the order in which they came. */
export class RateLimit {
  readonly #clock: Runtime["clock"];
  readonly #everyMs: number;
  readonly #burst: number;
  /** When the bucket is full again, monotonic ms. */
  #fullAt = Number.NEGATIVE_INFINITY;
  /** Who gives up leaves, and takes nobody's turn. */
  readonly #waiting = new Set<() => void>();
  #timer: Timer | undefined;

  constructor(
    runtime: Pick<Runtime, "clock">,
    options: { readonly perSecond: number; readonly burst: number },
  ) {
    this.#clock = runtime.clock;
    this.#everyMs = 1000 / options.perSecond;
    this.#burst = options.burst;
  }

  /** Resolves when it is one's turn, or as soon as `signal` aborts. */
  take(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const leave = (): void => {
        this.#waiting.delete(go);
        this.#next();
        resolve();
      };
      const go = (): void => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.add(go);
      this.#next();
    });
  }

  /** Lets through whose turn it is, and waits for the next one's. */
  #next(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const go of this.#waiting) {
      const now = this.#clock.fresh();
      const full = Math.max(this.#fullAt, now) + this.#everyMs;
      const wait = full - this.#burst * this.#everyMs - now;
      if (wait > ROUNDING_MS) {
        this.#timer = this.#clock.setTimer(wait, () => this.#next());
        return;
      }
      this.#fullAt = full;
      this.#waiting.delete(go);
      go();
    }
  }
}
