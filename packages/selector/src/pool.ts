import type { Candidate, CandidateState, Pick } from "@skein/core";

/**
 * Best first: ready ones; those that picking makes ready; suspects, when there is nobody else. Draining ones never. A tier is looked
 * at only when those before it have nobody who was not tried already.
 */
export const TIER: Readonly<Record<CandidateState, number>> = {
  ready: 0,
  idle: 1,
  connecting: 1,
  suspect: 2,
  draining: 3,
};
/** That may be picked. */
export const TIERS = 3;

/** What a selector keeps of an instance: from one update to the next, and its pick. */
export interface Entry extends Pick {
  candidate: Candidate;
  /** The update that named it last. */
  round: number;
}

/** Entries by instance id, from one update to the next. */
export class Pool<E extends Entry> {
  readonly #create: (candidate: Candidate) => E;
  readonly #drop: ((entry: E) => void) | undefined;
  readonly #entries = new Map<string, E>();
  #round = 0;

  /** @param drop told of those that an update names no more; their calls may still be in flight */
  constructor(create: (candidate: Candidate) => E, drop?: (entry: E) => void) {
    this.#create = create;
    this.#drop = drop;
  }

  /** The candidates that may be picked now, by tier; empty tiers are left out. Instances of weight 0 get nothing. */
  update(candidates: readonly Candidate[]): E[][] {
    const round = ++this.#round;
    const tiers = Array.from({ length: TIERS }, (): E[] => []);
    let named = 0;
    for (const candidate of candidates) {
      const entry = this.#entry(candidate);
      if (entry.round === round) continue;
      entry.round = round;
      entry.candidate = candidate;
      named++;
      if (candidate.instance.weight > 0) tiers[TIER[candidate.state]]?.push(entry);
    }
    if (this.#entries.size > named) this.#forget(round);
    return tiers.filter((tier) => tier.length > 0);
  }

  #entry(candidate: Candidate): E {
    const { id } = candidate.instance;
    let entry = this.#entries.get(id);
    if (entry === undefined) {
      entry = this.#create(candidate);
      this.#entries.set(id, entry);
    }
    return entry;
  }

  #forget(round: number): void {
    for (const [id, entry] of this.#entries) {
      if (entry.round === round) continue;
      this.#entries.delete(id);
      this.#drop?.(entry);
    }
  }
}

/** For selectors that learn nothing from how calls end. */
export class Plain implements Entry {
  candidate: Candidate;
  round = 0;

  constructor(candidate: Candidate) {
    this.candidate = candidate;
  }

  done(): void {}
}

/** Index of the next from `start` on that was not tried yet; -1 when all were. */
export function nextOpen(tier: readonly Entry[], start: number, exclude: ReadonlySet<string>): number {
  const n = tier.length;
  for (let i = 0; i < n; i++) {
    const at = start + i < n ? start + i : start + i - n;
    if (!exclude.has((tier[at] as Entry).candidate.instance.id)) return at;
  }
  return -1;
}
