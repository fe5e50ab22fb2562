import type { Runtime, Timer } from "@skein/core";

/** In any second: PER_SECOND and BURST. One less than ten, for what the network holds up and lets go at once. */
const PER_SECOND = 6;
const BURST = 3;
/** Left by what is not urgent, so that watches never hold up what keeps a lease. */
const RESERVED = 1;

type Go = () => void;

/**
 * How often one client may ask Consul: ten times a second at the most, whatever fails and however fast it is answered. A question that was answered as it
 * should may give its place back: what works is not held up, and what does not cannot become a storm.
 */
export class RequestBudget {
  readonly #runtime: Pick<Runtime, "clock">;
  readonly #urgent: Go[] = [];
  readonly #others: Go[] = [];
  #places = BURST;
  #countedAt: number;
  #timer: Timer | undefined;

  constructor(runtime: Pick<Runtime, "clock">) {
    this.#runtime = runtime;
    this.#countedAt = runtime.clock.fresh();
  }

  /**
   * Resolves when it is one's turn, or as soon as `signal` aborts.
   * @param urgent goes before all that are not: what keeps a lease
   */
  take(urgent: boolean, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted === true) return resolve();
      const queue = urgent ? this.#urgent : this.#others;
      const leave = (): void => {
        queue.splice(queue.indexOf(go), 1);
        resolve();
      };
      const go = (): void => {
        signal?.removeEventListener("abort", leave);
        resolve();
      };
      signal?.addEventListener("abort", leave, { once: true });
      queue.push(go);
      this.#serve();
    });
  }

  /** A place that was taken is free again. */
  giveBack(): void {
    this.#places = Math.min(BURST, this.#places + 1);
    this.#serve();
  }

  #serve(): void {
    const now = this.#runtime.clock.fresh();
    this.#places = Math.min(BURST, this.#places + ((now - this.#countedAt) * PER_SECOND) / 1000);
    this.#countedAt = now;
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      this.#places--;
      next();
    }
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#urgent.length + this.#others.length === 0) return;
    const lacking = this.#needed - this.#places;
    const inMs = Math.ceil((lacking * 1000) / PER_SECOND);
    this.#timer = this.#runtime.clock.setTimer(Math.max(1, inMs), () => this.#serve());
  }

  /** Places that must be there for who is next. */
  get #needed(): number {
    return this.#urgent.length > 0 ? 1 : 1 + RESERVED;
  }

  #next(): Go | undefined {
    return this.#places < this.#needed ? undefined : (this.#urgent.shift() ?? this.#others.shift());
  }
}
