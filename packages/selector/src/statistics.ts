import type { Candidate } from "@skein/core";
import type { Entry } from "./pool.ts";

/** Time constant with which peaks of latency are forgotten, ms (Finagle and tower have 10 s). */
const TAU_MS = 10_000;
const PER_EIGHT_TAUS = 1 / (8 * TAU_MS);
/** What is expected of an instance that was asked and has answered nothing yet, ms; one that was never asked is tried first (as in Finagle). */
const FIRST_GUESS_MS = 1;
/** Added to any latency, ms. Clocks are read once a tick, so quick answers take no time at all: the calls in flight still count then. */
const FLOOR_MS = 0.1;
/** A failure doubles what is expected, up to this, ms: who fails quickly must not look quick. */
const MOST_PENALTY_MS = 5000;

// A row holds what a pick reads of an instance, in one line of the cache: among 10,000, memory is what a pick waits for.
const STRIDE = 8;
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
const NEVER = -1;
const FIRST_ROWS = 16;

/** How all instances of a selector fare, in rows. Latency is a peak EWMA (Finagle, tower): it jumps up to any peak and comes down slowly, also
 * while nothing is sent there, so that everybody is tried again in time. Calls in flight count with their mean age: one who hangs loses its
 * traffic before it has answered anything.
 */
export class Statistics {
  rows = new Float64Array(FIRST_ROWS * STRIDE);
  readonly #free: number[] = [];
  readonly #rated = new Set<Rated>();
  #used = 0;

  create(candidate: Candidate): Rated {
    const row = this.#free.pop() ?? this.#used++;
    if (row * STRIDE >= this.rows.length) this.#grow();
    const rated = new Rated(candidate, this.rows, row * STRIDE);
    this.#rated.add(rated);
    return rated;
  }

  /** Its calls in flight may still end: it takes its row along. */
  drop(rated: Rated): void {
    this.#rated.delete(rated);
    this.#free.push(rated.at / STRIDE);
    rated.move(rated.rows.slice(rated.at, rated.at + STRIDE), 0);
  }

  #grow(): void {
    const rows = new Float64Array(this.rows.length * 2);
    rows.set(this.rows);
    this.rows = rows;
    for (const rated of this.#rated) rated.move(rows, rated.at);
  }
}

/** An instance and how it fares; kept from one update to the next. */
export class Rated implements Entry {
  candidate: Candidate;
  round = 0;
  rows: Float64Array;
  /** Where its row begins. */
  at: number;

  constructor(candidate: Candidate, rows: Float64Array, at: number) {
    this.candidate = candidate;
    this.rows = rows;
    this.at = at;
    rows.fill(0, at, at + STRIDE);
    rows[at + AT] = NEVER;
    rows[at + LATENCY] = FIRST_GUESS_MS;
    this.weigh();
  }

  move(rows: Float64Array, at: number): void {
    this.rows = rows;
    this.at = at;
  }

  /** Takes over the weight that its candidate has now. */
  weigh(): void {
    this.rows[this.at + SHARE] = 1 / this.candidate.instance.weight;
  }

  picked(now: number): this {
    const { rows, at } = this;
    rows[at + IN_FLIGHT] = (rows[at + IN_FLIGHT] as number) + 1;
    rows[at + STARTS] = (rows[at + STARTS] as number) + now;
    return this;
  }

  done(startedAt: number, now: number, failed: boolean | undefined, _load: number): void {
    const { rows, at } = this;
    const inFlight = (rows[at + IN_FLIGHT] as number) - 1;
    rows[at + IN_FLIGHT] = inFlight;
    rows[at + STARTS] = inFlight === 0 ? 0 : (rows[at + STARTS] as number) - startedAt;
    const latency = rows[at + LATENCY] as number;
    const took = now - startedAt;
    if (failed === undefined) {
      // Nobody waited for the end: it would have taken at least so long
      if (took > latency) learn(rows, at, took, now);
      return;
    }
    const first = rows[at + AT] === NEVER;
    const aged = first ? latency : latency * kept(now - (rows[at + AT] as number));
    if (failed) {
      const peak = Math.max(took, aged);
      learn(rows, at, Math.max(peak, Math.min(MOST_PENALTY_MS, 2 * peak + FIRST_GUESS_MS)), now);
    } else if (first || took >= latency) learn(rows, at, took, now);
    else learn(rows, at, took + (latency - took) * (aged / latency), now);
  }
}

function learn(rows: Float64Array, at: number, latency: number, now: number): void {
  rows[at + LATENCY] = latency;
  rows[at + AT] = now;
}

/** Share of a past so many ms ago that still counts: (1 - t/8τ)^8, which is exp(-t/τ) within 0.04, as exp() costs more than all else in a pick. */
function kept(ms: number): number {
  let left = 1 - ms * PER_EIGHT_TAUS;
  if (left < 0) left = 0;
  left *= left;
  left *= left;
  return left * left;
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
    let left = 1 - (now - since) * PER_EIGHT_TAUS;
    if (left < 0) left = 0;
    left *= left;
    left *= left;
    latency *= left * left;
  }
  if (n > 0) {
    const age = now - (rows[at + STARTS] as number) / n;
    if (age > latency) latency = age;
  }
  rows[at + COST] = (latency + FLOOR_MS) * (n + 1) * (rows[at + SHARE] as number);
}
