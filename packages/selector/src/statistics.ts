import type { Candidate } from "@skein/core";
import type { Entry } from "./pool.ts";
import type { RowHolder, Rows } from "./rows.ts";

/** Time constant with which peaks of latency are forgotten, ms (Finagle and tower have 10 s). */
const TAU_MS = 10_000;
const PER_EIGHT_TAUS = 1 / (8 * TAU_MS);
/** What is expected of an instance that was asked and has answered nothing yet, ms; one that was never asked is tried first (as in Finagle). */
const FIRST_GUESS_MS = 1;
/** Added to any latency, ms. Clocks are read once a tick, so quick answers take no time at all: the calls in flight still count then. */
const FLOOR_MS = 0.1;
/** A failure doubles what is expected, up to this, ms: who fails quickly must not look quick. */
const MOST_PENALTY_MS = 5000;

/** Of the rows in which instances are rated. */
export const RATED_STRIDE = 8;
/** Peak EWMA as of AT, ms. */
const LATENCY = 0;
/** When it last answered, ms; NEVER: not yet. */
const AT = 1;
const IN_FLIGHT = 2;
/** Sum of the start times of the calls in flight. */
const STARTS = 3;
/** 1 / weight. */
const SHARE = 4;
/** Expected latency of one more call times the queue it would join; as of the last rate(). */
const COST = 5;
/** How long a newcomer waits as the server said with its last answer, ms; as of AT, and forgotten eight times as quickly as latencies. */
const WAIT = 6;
const NEVER = -1;
const NOT_ASKED = Number.POSITIVE_INFINITY;

/**
 * An instance and how it fares; kept from one update to the next. Latency is a peak EWMA (Finagle, tower): it jumps up to any peak and comes
 * down slowly, also while nothing is sent there, so that everybody is tried again in time. Calls in flight count with their mean age: one who
 * hangs loses its traffic before it has answered anything. A server's own word of how long the next call will wait counts while it is fresh.
 */
export class Rated implements Entry, RowHolder {
  candidate: Candidate;
  round = 0;
  rows: Float64Array;
  at = 0;
  /** Calls sent before it came back say nothing of how it fares now, ms; NOT_ASKED: none was sent since. */
  #countsFrom = Number.NEGATIVE_INFINITY;
  #suspected = false;

  /** @param rows of RATED_STRIDE */
  constructor(candidate: Candidate, rows: Rows) {
    this.candidate = candidate;
    this.rows = rows.data;
    rows.give(this);
    this.rows[this.at + AT] = NEVER;
    this.rows[this.at + LATENCY] = FIRST_GUESS_MS;
    this.weigh();
  }

  /** Takes over the weight that its candidate has now. */
  weigh(): void {
    this.rows[this.at + SHARE] = 1 / this.candidate.instance.weight;
  }

  /** Takes over the state that its candidate has now: who was silent and is heard again is as one that has answered nothing yet. */
  look(): void {
    const { state } = this.candidate;
    if (state === "suspect") this.#suspected = true;
    if (!this.#suspected || state !== "ready") return;
    this.#suspected = false;
    this.rows[this.at + LATENCY] = FIRST_GUESS_MS;
    this.rows[this.at + WAIT] = 0;
    this.#countsFrom = NOT_ASKED;
  }

  picked(now: number): this {
    const { rows, at } = this;
    if (this.#countsFrom === NOT_ASKED) this.#countsFrom = now;
    rows[at + IN_FLIGHT] = (rows[at + IN_FLIGHT] as number) + 1;
    rows[at + STARTS] = (rows[at + STARTS] as number) + now;
    return this;
  }

  done(startedAt: number, now: number, failed: boolean | undefined, load: number): void {
    const { rows, at } = this;
    const inFlight = (rows[at + IN_FLIGHT] as number) - 1;
    rows[at + IN_FLIGHT] = inFlight;
    rows[at + STARTS] = inFlight === 0 ? 0 : (rows[at + STARTS] as number) - startedAt;
    if (startedAt < this.#countsFrom) return;
    let latency = rows[at + LATENCY] as number;
    const took = now - startedAt;
    // Nobody waited for its end: it would have taken at least so long
    if (failed === undefined && took <= latency) return;
    const since = rows[at + AT] as number;
    rows[at + AT] = now;
    rows[at + WAIT] = load / 1000;
    if (since === NEVER || took >= latency) {
      // A first answer, or a peak: what was before is forgotten. Who fails at once is no quicker than was guessed.
      if (failed !== true || took > latency) latency = took;
    } else {
      let left = 1 - (now - since) * PER_EIGHT_TAUS;
      if (left < 0) left = 0;
      left *= left;
      left *= left;
      left *= left;
      if (failed === true) latency = Math.max(took, latency * left);
      else latency = took + (latency - took) * left;
    }
    if (failed === true) latency = Math.max(latency, Math.min(MOST_PENALTY_MS, 2 * latency + FIRST_GUESS_MS));
    rows[at + LATENCY] = latency;
  }
}

/** Whether the row at `a` is no dearer than the one at `b`. */
export function cheaper(rows: Float64Array, a: number, b: number, now: number): boolean {
  rate(rows, a, now);
  rate(rows, b, now);
  return (rows[a + COST] as number) <= (rows[b + COST] as number);
}

/** Brings the cost up to date; in place, as a fraction that is returned may be put on the heap. */
function rate(rows: Float64Array, at: number, now: number): void {
  const n = rows[at + IN_FLIGHT] as number;
  const since = rows[at + AT] as number;
  if (since === NEVER && n === 0) {
    rows[at + COST] = 0;
    return;
  }
  let latency = rows[at + LATENCY] as number;
  if (since !== NEVER) {
    // exp(-t/τ) within 0.04, as (1 - t/8τ)^8: exp() costs more than all else in a pick
    let left = 1 - (now - since) * PER_EIGHT_TAUS;
    if (left < 0) left = 0;
    left *= left;
    left *= left;
    left *= left;
    latency *= left;
    const wait = rows[at + WAIT] as number;
    if (wait > latency) {
      left *= left;
      left *= left;
      left *= left;
      if (wait * left > latency) latency = wait * left;
    }
  }
  if (n > 0) {
    const age = now - (rows[at + STARTS] as number) / n;
    if (age > latency) latency = age;
  }
  rows[at + COST] = (latency + FLOOR_MS) * (n + 1) * (rows[at + SHARE] as number);
}
