import type { Clock, Timer } from "../runtime.ts";

/** Something that waits for an instance to be found or connected. */
export interface Waiter {
  /** clock.monotonic() ms; Infinity waits for ever. */
  readonly expiresAt: number;
  /** Something has changed: try again (it may come to wait again). */
  resume(): void;
  /** expiresAt has come. */
  expire(): void;
}

/** Calls that cannot be sent yet, in the order they came. One timer for all of them, none while nobody waits. */
export class WaitingRoom {
  readonly #clock: Clock;
  readonly #waiters = new Set<Waiter>();
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  readonly #onTimer = (): void => this.#expire();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#waiters.size;
  }

  add(waiter: Waiter): void {
    this.#waiters.add(waiter);
    this.#arm(waiter.expiresAt);
  }

  remove(waiter: Waiter): void {
    if (this.#waiters.delete(waiter) && this.#waiters.size === 0) this.#disarm();
  }

  /** Lets everybody try again. */
  wake(): void {
    if (this.#waiters.size === 0) return;
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    this.#disarm();
    for (const waiter of waiters) waiter.resume();
  }

  #arm(at: number): void {
    if (at >= this.#timerAt) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = this.#clock.setTimer(Math.max(0, at - this.#clock.monotonic()), this.#onTimer);
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
  }

  #expire(): void {
    this.#disarm();
    const now = this.#clock.fresh();
    for (const waiter of [...this.#waiters]) {
      if (waiter.expiresAt > now) continue;
      this.#waiters.delete(waiter);
      waiter.expire();
    }
    for (const waiter of this.#waiters) this.#arm(waiter.expiresAt);
  }
}
