import type { Clock, Timer } from "../runtime.ts";

const EVERY_MS = 50;
/** Time constant of the mean, ms. */
const MEMORY_MS = 500;
/** So late it stood still: what was sent meanwhile waits in the sockets. */
const STOOD_STILL_MS = 100;
/** Reading it takes some turns of the loop: so long, ms, no call is begun before I/O had its turn. */
const CATCHING_UP_MS = 50;
/** So late is any timer while the queue works: a slice of 8 ms, its last call, the machine's own. */
const EXPECTED_MS = 10;

/**
 * How late the event loop has been lately: garbage collection and code that is none of the queue's make a server slow whose queue is short. Measured by
 * the lateness of a timer that runs only while calls come.
 */
export class LoopDelay {
  readonly #clock: Clock;
  #ms = 0;
  #at: number;
  #due = 0;
  #used = false;
  #catchUpUntil = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#at = clock.monotonic();
  }

  /** Mean of the last half second, beyond what is expected, ms. */
  get ms(): number {
    return this.#ms;
  }

  /** The loop has just stood still: what is read now may have been given up meanwhile, by what is not read yet. */
  catchingUp(now: number): boolean {
    // It may be read before the timer has had its turn.
    return now < this.#catchUpUntil || (this.#timer !== undefined && now - this.#due > STOOD_STILL_MS);
  }

  /** Calls came. */
  use(): void {
    this.#used = true;
    if (this.#timer !== undefined) return;
    const now = this.#clock.monotonic();
    this.#learn(0, now);
    this.#start(now);
  }

  #start(now: number): void {
    this.#used = false;
    this.#due = now + EVERY_MS;
    this.#timer = this.#clock.setTimer(EVERY_MS, () => this.#tick());
  }

  #tick(): void {
    this.#timer = undefined;
    const now = this.#clock.fresh();
    if (now - this.#due > STOOD_STILL_MS) this.#catchUpUntil = now + CATCHING_UP_MS;
    this.#learn(Math.max(0, now - this.#due - EXPECTED_MS), now);
    if (this.#used) this.#start(now);
  }

  #learn(delayMs: number, now: number): void {
    const since = now - this.#at;
    this.#at = now;
    this.#ms += ((delayMs - this.#ms) * since) / (since + MEMORY_MS);
  }

  /** Nobody is there who might call. */
  rest(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
