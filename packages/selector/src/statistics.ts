import type { Candidate, Pick } from "@skein/core";

/** Time constant with which peaks of latency are forgotten, ms (Finagle and tower have 10 s). */
const TAU_MS = 10_000;
/** What is expected of an instance that was asked and has answered nothing yet, ms; one that was never asked is tried first (as in Finagle). */
const FIRST_GUESS_MS = 1;
/** Added to any latency, ms. Clocks are read once a tick, so quick answers take no time at all: the calls in flight still count then. */
const FLOOR_MS = 0.1;
/** A failure doubles what is expected, up to this, ms: who fails quickly must not look quick. */
const MOST_PENALTY_MS = 5000;
/** Below this share of TAU_MS the exponential is a straight line within 0.13 %. */
const LINEAR = 0.05;

/**
 * An instance and how it fares; kept from one update to the next. Latency is a peak EWMA (Finagle, tower): it jumps up to any peak and comes
 * down slowly, also while nothing is sent there, so that everybody is tried again in time. Calls in flight count with their mean age: one who
 * hangs loses its traffic before it has answered anything.
 */
export class Rated<C extends Candidate> implements Pick<C> {
  candidate: C;
  inFlight = 0;
  /** When it was last picked, as round-robin counts; below zero: not yet. */
  turn: number;
  /** Expected latency of one more call, ms, times the queue it would join; as of the last rate(). */
  cost = 0.5;
  /** Sum of the start times of the calls in flight. */
  #starts = 0.5;
  #latency = FIRST_GUESS_MS + 0.5;
  /** Share of the past that still counts; as of the last age(). */
  #kept = 0.5;
  #at = 0.5;
  #answered = false;

  /** @param order where newcomers stand among themselves, 0 to 1 */
  constructor(candidate: C, order: number) {
    this.candidate = candidate;
    this.turn = -1 - order;
    // Fields that hold fractions are made as such (above), and written in place ever after; a fraction that is returned may be put on the heap.
    this.#starts = 0;
    this.#latency = FIRST_GUESS_MS;
  }

  /** Brings `cost` up to date. */
  rate(now: number): void {
    const n = this.inFlight;
    if (n === 0 && !this.#answered) {
      this.cost = 0;
      return;
    }
    this.#age(now);
    let latency = this.#latency * this.#kept;
    if (n > 0) {
      const age = now - this.#starts / n;
      if (age > latency) latency = age;
    }
    this.cost = ((latency + FLOOR_MS) * (n + 1)) / this.candidate.instance.weight;
  }

  picked(now: number): this {
    this.inFlight++;
    this.#starts += now;
    return this;
  }

  done(startedAt: number, now: number, failed: boolean, _load: number): void {
    this.inFlight--;
    this.#starts = this.inFlight === 0 ? 0 : this.#starts - startedAt;
    this.#age(now);
    const took = now - startedAt;
    if (failed) {
      const latency = Math.max(took, this.#latency * this.#kept);
      this.#latency = Math.max(latency, Math.min(MOST_PENALTY_MS, 2 * latency + FIRST_GUESS_MS));
    } else if (took >= this.#latency || !this.#answered) this.#latency = took;
    else this.#latency = took + (this.#latency - took) * this.#kept;
    this.#answered = true;
    this.#at = now;
  }

  #age(now: number): void {
    const w = this.#answered ? (now - this.#at) / TAU_MS : 0;
    this.#kept = w < LINEAR ? 1 - w : Math.exp(-w);
  }
}
