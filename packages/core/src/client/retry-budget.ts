import type { RetryBudgetPolicy, Whole } from "./policy.ts";

/** The window moves by one of so many parts. */
const PARTS = 10;
/** A tenth of a call, ten times, is a call. */
const ROUNDING = 1e-6;

/**
 * What one target service may be burdened with by retries: a share of its calls and so many a second, over a window (Finagle's RetryBudget).
 * All layers that retry share one. Pure: the time is given.
 */
export class RetryBudget {
  readonly #ratio: number;
  readonly #reserve: number;
  readonly #partMs: number;
  /** By part of the window: calls. */
  readonly #calls: number[] = new Array(PARTS).fill(0);
  /** By part of the window: retries. */
  readonly #retries: number[] = new Array(PARTS).fill(0);
  #part = Number.NaN;
  #at = 0;

  constructor({ ratio, perSecond, windowMs }: Whole<RetryBudgetPolicy>) {
    this.#ratio = ratio;
    this.#reserve = (perSecond * windowMs) / 1000;
    this.#partMs = windowMs / PARTS;
  }

  /** A call was made for the first time. */
  deposit(now: number): void {
    this.#turn(now);
    this.#calls[this.#at] = (this.#calls[this.#at] as number) + 1;
  }

  /** True: one retry is paid for. */
  withdraw(now: number): boolean {
    if (this.available(now) < 1) return false;
    this.#retries[this.#at] = (this.#retries[this.#at] as number) + 1;
    return true;
  }

  /** Retries that can be paid for now. */
  available(now: number): number {
    this.#turn(now);
    let calls = 0;
    let retries = 0;
    for (let i = 0; i < PARTS; i++) {
      calls += this.#calls[i] as number;
      retries += this.#retries[i] as number;
    }
    return Math.floor(this.#reserve + calls * this.#ratio - retries + ROUNDING);
  }

  #turn(now: number): void {
    const part = Math.floor(now / this.#partMs);
    if (part === this.#part) return;
    const passed = Number.isNaN(this.#part) ? 0 : Math.min(PARTS, Math.max(0, part - this.#part));
    for (let i = 0; i < passed; i++) {
      this.#at = (this.#at + 1) % PARTS;
      this.#calls[this.#at] = 0;
      this.#retries[this.#at] = 0;
    }
    this.#part = part;
  }
}
