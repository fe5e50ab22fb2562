import type { Candidate, CandidateState, Instance, Pick, SelectionPolicy } from "@skein/core";
import { Trouble } from "./trouble.ts";

/** When an instance has failed too often, and for how long it is out. */
export type Rules = NonNullable<SelectionPolicy["ejection"]>;

export interface Guardian {
  readonly rules: Rules;
  /** Thirds of the window in a millisecond. */
  readonly thirds: number;
  failedTooOften(guarded: Guarded, trouble: Trouble, now: number): void;
  probed(guarded: Guarded, trouble: Trouble, now: number, failed: boolean | undefined): void;
}

/**
 * An instance under guard: the inner selector's candidate, and the outer pick. Counts the calls that end, in a window that moves by thirds. Small, and
 * what each call touches comes first: what has to do with failures is kept apart, for those that have had any.
 */
export class Guarded implements Candidate, Pick {
  candidate: Candidate;
  /** The inner selector's. */
  pick: Pick | undefined = undefined;
  readonly #guardian: Guardian;
  /** The third that is counted now: so many have passed since the clock's zero. */
  #third = 0;
  #good = 0;
  #goodBefore = 0;
  #goodFirst = 0;
  trouble: Trouble | undefined = undefined;
  instance: Instance;
  /** As the inner selector is told. */
  state: CandidateState;
  round = 0;

  constructor(candidate: Candidate, guardian: Guardian) {
    this.candidate = candidate;
    this.#guardian = guardian;
    this.instance = candidate.instance;
    this.state = candidate.state;
  }

  get ejected(): boolean {
    return this.trouble?.ejected === true;
  }

  /** Sets what the inner selector sees. */
  show(panic: boolean): void {
    const { instance, state } = this.candidate;
    this.instance = instance;
    this.state = this.ejected && !panic && state === "ready" ? "suspect" : state;
  }

  done(startedAt: number, now: number, failed: boolean | undefined, load: number): void {
    this.pick?.done(startedAt, now, failed, load);
    if (failed === undefined) return;
    const third = Math.trunc(now * this.#guardian.thirds);
    if (third !== this.#third) this.#turn(third);
    if (failed) return this.#failed(startedAt, now, third);
    this.#good++;
    if (this.trouble !== undefined) this.trouble.inARow = 0;
  }

  /** Forgets what has left the window. */
  #turn(third: number): void {
    const past = third - this.#third;
    this.#third = third;
    this.#goodFirst = past === 1 ? this.#goodBefore : past === 2 ? this.#good : 0;
    this.#goodBefore = past === 1 ? this.#good : 0;
    this.#good = 0;
  }

  #failed(startedAt: number, now: number, third: number): void {
    this.trouble ??= new Trouble();
    const { trouble } = this;
    // Who is out is judged by its probes; what began before it came back says nothing new
    if (trouble.ejected || startedAt < trouble.backAt) return;
    const bad = trouble.count(now, third);
    const good = this.#good + this.#goodBefore + this.#goodFirst;
    const { consecutive, minCalls, successRate } = this.#guardian.rules;
    const often = bad + good >= minCalls && good < successRate * (bad + good);
    if (often || trouble.inARow >= consecutive) this.#guardian.failedTooOften(this, trouble, now);
  }

  /** Its probe succeeded: it begins anew. */
  restore(now: number): void {
    this.trouble?.end(now);
    this.#good = this.#goodBefore = this.#goodFirst = 0;
  }
}

/** The one call that finds out whether an ejected instance is well again; the inner selector is not asked, and not told. */
export class Probe implements Pick {
  readonly #guarded: Guarded;
  readonly #trouble: Trouble;
  readonly #guardian: Guardian;

  constructor(guarded: Guarded, trouble: Trouble, guardian: Guardian) {
    this.#guarded = guarded;
    this.#trouble = trouble;
    this.#guardian = guardian;
  }

  get candidate(): Candidate {
    return this.#guarded.candidate;
  }

  done(_startedAt: number, now: number, failed: boolean | undefined): void {
    this.#guardian.probed(this.#guarded, this.#trouble, now, failed);
  }
}
