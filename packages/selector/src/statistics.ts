import type { Candidate, Pick } from "@skein/core";

/** Peaks of latency are forgotten with this time constant, ms. */
const TAU_MS = 10_000;
/** What is expected of an instance that has answered nothing yet, ms: it is tried soon, and not by everybody at once. */
const FIRST_GUESS_MS = 1;

/**
 * An instance and how it fares; kept from one update to the next. Latency is a peak EWMA (Finagle, tower): it jumps up to any peak and comes
 * down slowly. Calls in flight count with their mean age, so that one who hangs loses its traffic before it has answered anything.
 */
export class Rated<C extends Candidate> implements Pick<C> {
  candidate: C;
  inFlight = 0;
  /** Sum of the start times of the calls in flight. */
  #starts = 0;
  #latency = FIRST_GUESS_MS;
  #at = 0;

  constructor(candidate: C) {
    this.candidate = candidate;
  }

  /** Expected latency of one more call, ms, times the queue it would join. */
  cost(now: number): number {
    const n = this.inFlight;
    let latency = this.#latency;
    if (n > 0) {
      const age = now - this.#starts / n;
      if (age > latency) latency = age;
    }
    return (latency * (n + 1)) / this.candidate.instance.weight;
  }

  picked(now: number): this {
    this.inFlight++;
    this.#starts += now;
    return this;
  }

  done(startedAt: number, now: number, _failed: boolean, _load: number): void {
    this.inFlight--;
    this.#starts -= startedAt;
    const took = now - startedAt;
    if (took > this.#latency) this.#latency = took;
    else {
      // exp() only where the step is not small: the linear part is as good below a twentieth.
      const w = (now - this.#at) / TAU_MS;
      this.#latency += (took - this.#latency) * (w < 0.05 ? w : 1 - Math.exp(-w));
    }
    this.#at = now;
  }
}
