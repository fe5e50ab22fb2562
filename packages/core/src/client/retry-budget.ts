import type { RetryBudgetPolicy, Whole } from "./policy.ts";

/** The window moves by one of so many parts. */
const PARTS = 10;
/** Calls fail one after another when their instance is lost; what fails so long after the first belongs to the same loss, ms. */
const LOSS_MS = 100;
/** A tenth of a call, ten times, is a call. */
const ROUNDING = 1e-6;

/**
 * What one target service may be burdened with by retries: a share of its calls and so many a second, over a window (Finagle's RetryBudget).
 * Besides, each instance may be lost once in a window: what was in flight there is more than the budget holds when a client has just started, or has
 * made its calls all at once; and it is no storm, as it adds no more than (latency / window) to the load.
 * All layers that retry share one. Pure: the time is given.
 */
export class RetryBudget {
  readonly #ratio: number;
  readonly #reserve: number;
  readonly #sparesLosses: boolean;
  readonly #partMs: number;
  /** By part of the window: calls. */
  readonly #calls: number[] = new Array(PARTS).fill(0);
  /** By part of the window: retries. */
  readonly #retries: number[] = new Array(PARTS).fill(0);
  /** When instances were lost whose calls the budget did not hold, by id. */
  readonly #losses = new Map<string, number>();
  #part = Number.NaN;
  #at = 0;

  constructor({ ratio, perSecond, windowMs, losses }: Whole<RetryBudgetPolicy>) {
    this.#sparesLosses = losses;
    this.#ratio = ratio;
    this.#reserve = (perSecond * windowMs) / 1000;
    this.#partMs = windowMs / PARTS;
  }

  /** A call was made for the first time. */
  deposit(now: number): void {
    this.#turn(now);
    this.#calls[this.#at] = (this.#calls[this.#at] as number) + 1;
  }

  /**
   * True: one retry is paid for.
   * @param lost the instance that was lost, or is as good as lost, with the call in flight
   */
  withdraw(now: number, lost?: string): boolean {
    if (!this.affords(now, lost)) return false;
    if (lost !== undefined && this.available(now) < 1 && !this.#isLosing(now, lost)) this.#lose(now, lost);
    this.#retries[this.#at] = (this.#retries[this.#at] as number) + 1;
    return true;
  }

  /** Whether withdraw() would pay. */
  affords(now: number, lost?: string): boolean {
    if (this.available(now) >= 1) return true;
    if (lost === undefined || !this.#sparesLosses) return false;
    return this.#isLosing(now, lost) || now - (this.#losses.get(lost) ?? -Infinity) >= PARTS * this.#partMs;
  }

  #isLosing(now: number, instance: string): boolean {
    return now - (this.#losses.get(instance) ?? -Infinity) <= LOSS_MS;
  }

  #lose(now: number, instance: string): void {
    for (const [id, at] of this.#losses) if (now - at >= PARTS * this.#partMs) this.#losses.delete(id);
    this.#losses.set(instance, now);
  }

  /** Retries that can be paid for now; below 0 after a loss that was more than the budget. */
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
