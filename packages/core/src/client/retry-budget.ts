/** A retry costs as much as so many calls deposit: 10 %. */
const CALLS_A_RETRY = 10;
/** Retries a second that are always there, so that a service called rarely is retried as well. */
const RESERVE_PER_SECOND = 3;
/** Deposits and withdrawals count for so many seconds. */
const WINDOW = 10;

/**
 * What one target service may be burdened with by retries: 10 % of its calls and 3 a second, over ten seconds (Finagle's RetryBudget).
 * All layers that retry share one. Pure: the time is given.
 */
export class RetryBudget {
  /** By second, in calls: deposits less withdrawals. */
  readonly #buckets: number[] = new Array(WINDOW).fill(0);
  #second = Number.NaN;
  #at = 0;

  /** A call was made for the first time. */
  deposit(now: number): void {
    this.#turn(now);
    this.#buckets[this.#at] = (this.#buckets[this.#at] as number) + 1;
  }

  /** True: one retry is paid for. */
  withdraw(now: number): boolean {
    if (this.available(now) < 1) return false;
    this.#buckets[this.#at] = (this.#buckets[this.#at] as number) - CALLS_A_RETRY;
    return true;
  }

  /** Retries that can be paid for now. */
  available(now: number): number {
    this.#turn(now);
    let calls = RESERVE_PER_SECOND * WINDOW * CALLS_A_RETRY;
    for (const bucket of this.#buckets) calls += bucket;
    return Math.floor(calls / CALLS_A_RETRY);
  }

  #turn(now: number): void {
    const second = Math.floor(now / 1000);
    if (second === this.#second) return;
    const passed = Number.isNaN(this.#second) ? 0 : Math.min(WINDOW, Math.max(0, second - this.#second));
    for (let i = 0; i < passed; i++) {
      this.#at = (this.#at + 1) % WINDOW;
      this.#buckets[this.#at] = 0;
    }
    this.#second = second;
  }
}
