/** Whose calls wait in a queue: a connection. Only FairShare reads and writes what is here. */
export interface Claimant {
  /** Its calls that were let in lately: those of the period before count half, and so on. */
  claims: number;
  /** The period that `claims` was last counted in. */
  claimsAt: number;
}

/** A call that was let in counts half after so long, ms. */
const PERIOD_MS = 500;
/** Nothing is left after so many halvings. */
const MOST_HALVINGS = 30;

/**
 * Which of an overloaded server's callers had less of it lately. Counted in whole calls and halved by shifting, so that nothing is allocated for it
 * and who does not call costs nothing.
 */
export class FairShare {
  #period = 0;
  #credit = 0;
  /** What one had who gave way: what those have who ask for more than there is. */
  readonly #level: Claimant = { claims: 0, claimsAt: 0 };

  /** @param now ms; @param credit so many calls less than others it can have had at most: a newcomer does not shut them out for long */
  look(now: number, credit: number): void {
    this.#period = Math.floor(now / PERIOD_MS);
    this.#credit = credit;
  }

  /** How much it had. */
  of(claimant: Claimant): number {
    return Math.max(this.#aged(claimant), this.#aged(this.#level) - this.#credit);
  }

  /** One of its calls was let in. */
  claim(claimant: Claimant): void {
    claimant.claims = this.of(claimant) + 1;
  }

  /** One of its calls, let in before, gave way to somebody else's. */
  giveWay(claimant: Claimant): void {
    const claims = this.#aged(claimant);
    this.#aged(this.#level);
    this.#level.claims = claims;
    claimant.claims = Math.max(0, claims - 1);
  }

  #aged(claimant: Claimant): number {
    const periods = this.#period - claimant.claimsAt;
    if (periods === 0) return claimant.claims;
    claimant.claims = periods > MOST_HALVINGS ? 0 : claimant.claims >> periods;
    claimant.claimsAt = this.#period;
    return claimant.claims;
  }
}
