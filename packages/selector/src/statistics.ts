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

// What a pick reads of an instance lies in one line of the cache, side by side with the others': among 10,000 instances memory is what a pick waits
// for. And numbers there are written in place, where a field that holds a fraction is a thing of its own on the heap.
/** A row has 2 ** BITS numbers: */
const BITS = 3;
const NUMBERS = 1 << BITS;
/** Peak EWMA as of AT, ms. */
const LATENCY = 0;
/** When it last answered, or was first asked, ms. */
const AT = 1;
const IN_FLIGHT = 2;
/** 1 / weight; 0: not asked yet. */
const SHARE = 3;
/** How long a newcomer waits as the server said with its last answer, ms; as of AT, and forgotten eight times as quickly as latencies. */
const WAIT = 4;
/** Sum of the start times of the calls in flight. */
const STARTS = 5;
/** As WAIT: nothing was answered yet. */
const UNHEARD = -1;

/** What one more call would cost at each of two; in place, as a fraction that is returned may be put on the heap. */
const costs = new Float64Array(2);

/**
 * An instance and how it fares; kept from one update to the next. Latency is a peak EWMA (Finagle, tower): it jumps up to any peak and comes
 * down slowly, also while nothing is sent there, so that everybody is tried again in time. Calls in flight count with their mean age: one who
 * hangs loses its traffic before it has answered anything. A server's own word of how long the next call will wait counts while it is fresh.
 */
export class Rated implements Entry {
  candidate: Candidate;
  round = 0;
  rows: Float64Array = new Float64Array(NUMBERS);
  /** Which of them is its own. */
  row = 0;
  #suspected = false;
  /** It came back: calls sent before its first one since say nothing of how it fares now, ms; infinite: none was sent since. */
  #countsFrom: number | undefined = undefined;

  constructor(candidate: Candidate) {
    this.candidate = candidate;
  }

  /** Its row lies there from now on. */
  move(rows: Float64Array, row: number): void {
    const from = this.row << BITS;
    const to = row << BITS;
    for (let i = 0; i < NUMBERS; i++) rows[to + i] = this.rows[from + i] as number;
    this.rows = rows;
    this.row = row;
  }

  /** Takes over the weight and the state that its candidate has now: who was silent and is heard again is as one that was not asked yet. */
  look(): void {
    const { rows } = this;
    const at = this.row << BITS;
    const { state, instance } = this.candidate;
    if (rows[at + SHARE] !== 0) rows[at + SHARE] = 1 / instance.weight;
    if (state === "suspect") this.#suspected = true;
    if (!this.#suspected || state !== "ready") return;
    this.#suspected = false;
    this.#countsFrom = Number.POSITIVE_INFINITY;
    rows[at + SHARE] = 0;
  }

  picked(now: number): this {
    const { rows } = this;
    const at = this.row << BITS;
    if (rows[at + SHARE] === 0) this.#begin(now);
    rows[at + IN_FLIGHT] = (rows[at + IN_FLIGHT] as number) + 1;
    rows[at + STARTS] = (rows[at + STARTS] as number) + now;
    return this;
  }

  /** It was not asked yet, or not since it came back. */
  #begin(now: number): void {
    const { rows } = this;
    const at = this.row << BITS;
    rows[at + SHARE] = 1 / this.candidate.instance.weight;
    rows[at + LATENCY] = FIRST_GUESS_MS;
    rows[at + AT] = now;
    rows[at + WAIT] = UNHEARD;
    if (this.#countsFrom !== undefined) this.#countsFrom = now;
  }

  done(startedAt: number, now: number, failed: boolean | undefined, load: number): void {
    const { rows } = this;
    const at = this.row << BITS;
    const inFlight = (rows[at + IN_FLIGHT] as number) - 1;
    rows[at + IN_FLIGHT] = inFlight;
    rows[at + STARTS] = inFlight === 0 ? 0 : (rows[at + STARTS] as number) - startedAt;
    if (this.#countsFrom !== undefined && startedAt < this.#countsFrom) return;
    let latency = rows[at + LATENCY] as number;
    const took = now - startedAt;
    // Nobody waited for its end: it would have taken at least so long
    if (failed === undefined && took <= latency) return;
    if (took >= latency) latency = took;
    else if (rows[at + WAIT] !== UNHEARD) {
      const part = left(now - (rows[at + AT] as number));
      latency = failed === true ? Math.max(took, latency * part) : took + (latency - took) * part;
    } else if (failed !== true) latency = took;
    // A first answer, or a peak: what was before is forgotten. Who fails at once is no quicker than was guessed.
    rows[at + AT] = now;
    rows[at + WAIT] = load / 1000;
    if (failed === true) latency = Math.max(latency, Math.min(MOST_PENALTY_MS, 2 * latency + FIRST_GUESS_MS));
    rows[at + LATENCY] = latency;
  }
}

/** exp(-t/τ) within 0.04, as (1 - t/8τ)^8: exp() costs more than all else in a pick. */
function left(ms: number): number {
  let part = 1 - ms * PER_EIGHT_TAUS;
  if (part < 0) part = 0;
  part *= part;
  part *= part;
  return part * part;
}

/** Puts the rows of these side by side, in this order; those before that are not among them have one for themselves again. */
export function gather(rated: readonly Rated[], before: readonly Rated[]): Float64Array {
  const rows = new Float64Array(rated.length * NUMBERS);
  for (let i = 0; i < rated.length; i++) (rated[i] as Rated).move(rows, i);
  for (const gone of before) if (gone.rows !== rows) gone.move(new Float64Array(NUMBERS), 0);
  return rows;
}

/** Has two of them and their rows brought from memory. Something is made of what is read, or the reading would be left out. */
export function peek(rated: readonly Rated[], rows: Float64Array, i: number, j: number): void {
  costs[0] = (rows[i << BITS] as number) + (rows[j << BITS] as number);
  costs[1] = (rated[i] as Rated).row + (rated[j] as Rated).row;
}

/** Which of two rows is the cheaper one for one more call; `i` if they are alike. A loop, as V8 makes only so much code part of a pick. */
export function cheaper(rows: Float64Array, i: number, j: number, now: number): number {
  for (let k = 0, row = i; k < 2; k++, row = j) {
    const at = row << BITS;
    let part = 1 - (now - (rows[at + AT] as number)) * PER_EIGHT_TAUS;
    if (part < 0) part = 0;
    part *= part;
    part *= part;
    part *= part;
    let latency = (rows[at + LATENCY] as number) * part;
    const wait = rows[at + WAIT] as number;
    if (wait > latency) {
      part *= part;
      part *= part;
      part *= part;
      if (wait * part > latency) latency = wait * part;
    }
    const n = rows[at + IN_FLIGHT] as number;
    if (n > 0) {
      const age = now - (rows[at + STARTS] as number) / n;
      if (age > latency) latency = age;
    }
    costs[k] = (latency + FLOOR_MS) * ((n + 1) * (rows[at + SHARE] as number));
  }
  const first = Number((costs[0] as number) <= (costs[1] as number));
  return j ^ ((i ^ j) & -first);
}
