import type { Clock, Timer } from "../runtime.ts";

interface Watched {
  readonly expiresAt: number;
  expire(): void;
}

const TICK_MS = 16;
/** A deadline is found to have passed so much later at most, ms: over three hops it adds up. */
const CLOSEST_MS = 4;

/**
 * Tells calls whose deadline passes while somebody listens (`onAbort`, `signal`); others are merely compared when they are looked at. One timer for
 * all: it looks every 16 ms, and sooner where a deadline comes sooner.
 */
export class DeadlineWatch {
  readonly #clock: Clock;
  readonly #calls = new Set<Watched>();
  #timer: Timer | undefined;
  #due = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(call: Watched): void {
    this.#calls.add(call);
    if (this.#timer !== undefined && call.expiresAt >= this.#due - CLOSEST_MS) return;
    this.#timer?.cancel();
    this.#arm(this.#clock.monotonic(), call.expiresAt);
  }

  #arm(now: number, earliest: number): void {
    const ms = Math.min(TICK_MS, Math.max(CLOSEST_MS, earliest - now));
    this.#due = now + ms;
    this.#timer = this.#clock.setTimer(ms, () => this.#tick());
  }

  delete(call: Watched): void {
    this.#calls.delete(call);
  }

  #tick(): void {
    this.#timer = undefined;
    const now = this.#clock.fresh();
    let earliest = Number.POSITIVE_INFINITY;
    for (const call of this.#calls) {
      if (call.expiresAt > now) {
        earliest = Math.min(earliest, call.expiresAt);
        continue;
      }
      this.#calls.delete(call);
      call.expire();
    }
    if (this.#calls.size > 0 && this.#timer === undefined) this.#arm(now, earliest);
  }

  close(): void {
    this.#timer?.cancel();
    this.#calls.clear();
  }
}
