/** The failures of an instance, and what followed from them. */
export class Trouble {
  /** Failures one after the other. */
  inARow = 0;
  ejected = false;
  /** Ejected until then; or when the next probe may go out, ms. */
  until = 0;
  /** When it came back, ms. */
  backAt = 0;
  /** ms */
  lastAt = 0;
  /** When it would have been ejected, had there been more instances, ms. */
  sparedAt = 0;
  /** Times it was ejected with little time between. */
  #times = 0;
  /** See Guarded: failures by thirds of the window. */
  #third = 0;
  #bad = 0;
  #badBefore = 0;
  #badFirst = 0;

  /** Counts a failure. Returns how many there are in the window. */
  count(now: number, third: number): number {
    const past = third - this.#third;
    if (past !== 0) {
      this.#third = third;
      this.#badFirst = past === 1 ? this.#badBefore : past === 2 ? this.#bad : 0;
      this.#badBefore = past === 1 ? this.#bad : 0;
      this.#bad = 0;
    }
    this.lastAt = now;
    this.inARow++;
    this.#bad++;
    return this.#bad + this.#badBefore + this.#badFirst;
  }

  /** Out, for twice as long as the last time. Returns for how long, ms: between the half and the whole of it. */
  eject(now: number, baseMs: number, mostMs: number, random: number): number {
    if (!this.ejected && now - this.backAt > mostMs) this.#times = 0;
    const wait = Math.min(mostMs, baseMs * 2 ** Math.min(this.#times++, 30));
    const forMs = (wait * (1 + random)) / 2;
    this.ejected = true;
    this.lastAt = now;
    this.until = now + forMs;
    return forMs;
  }

  end(now: number): void {
    this.ejected = false;
    this.backAt = now;
    this.inARow = this.#bad = this.#badBefore = this.#badFirst = 0;
  }
}
