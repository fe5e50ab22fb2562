import type { Clock, Runtime, Timer } from "../runtime.ts";

/** So many try again in one turn of the loop: where more wait, deadlines and sockets are looked at in between. */
const AT_ONCE = 64;

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
  readonly #runtime: Pick<Runtime, "clock" | "yieldToIo">;
  readonly #waiters = new Set<Waiter>();
  /** Of them, the first so many are to try again. */
  #toWake = 0;
  #waking = false;
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  readonly #onTimer = (): void => this.#expire();

  constructor(runtime: Pick<Runtime, "clock" | "yieldToIo">) {
    this.#runtime = runtime;
  }

  get #clock(): Clock {
    return this.#runtime.clock;
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

  /** Lets everybody who waits now try again, in the order they came. */
  wake(): void {
    this.#toWake = this.#waiters.size;
    if (!this.#waking) this.#wakeSome();
  }

  /** Who comes to wait again stands at the end, behind those that are still to be woken. */
  readonly #wakeSome = (): void => {
    this.#waking = true;
    for (let left = AT_ONCE; left > 0 && this.#toWake > 0; left--) {
      const waiter = this.#waiters.values().next().value;
      if (waiter === undefined) break;
      this.#toWake--;
      this.#waiters.delete(waiter);
      waiter.resume();
    }
    if (this.#waiters.size === 0) this.#disarm();
    this.#toWake = Math.min(this.#toWake, this.#waiters.size);
    if (this.#toWake > 0) this.#runtime.yieldToIo(this.#wakeSome);
    else this.#waking = false;
  };

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
