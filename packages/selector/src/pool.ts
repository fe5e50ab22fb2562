import type { Candidate, CandidateState } from "@skein/core";
import { Rated } from "./statistics.ts";

/**
 * Best first: ready ones; those that picking makes ready; suspects, when there is nobody else (panic). Draining ones never. A tier is looked
 * at only when those before it have nobody who was not tried already.
 */
const TIERS: readonly (readonly CandidateState[])[] = [["ready"], ["idle", "connecting"], ["suspect"]];

/** Statistics by instance id, from one update to the next. */
export class Pool<C extends Candidate> {
  readonly #random: () => number;
  #rated = new Map<string, Rated<C>>();

  constructor(random: () => number) {
    this.#random = random;
  }

  /** The candidates that may be picked now, by tier; empty tiers are left out. Instances of weight 0 get nothing. */
  update(candidates: readonly C[]): Rated<C>[][] {
    const next = new Map<string, Rated<C>>();
    for (const candidate of candidates) {
      const { id } = candidate.instance;
      const rated = this.#rated.get(id) ?? new Rated(candidate, this.#random());
      rated.candidate = candidate;
      next.set(id, rated);
    }
    this.#rated = next;
    const open = [...next.values()].filter((r) => r.candidate.instance.weight > 0);
    return TIERS.map((states) => open.filter((r) => states.includes(r.candidate.state))).filter(
      (tier) => tier.length > 0,
    );
  }
}

/** Index of the next from `start` on that was not tried yet; -1 when all were. */
export function nextOpen<C extends Candidate>(
  tier: readonly Rated<C>[],
  start: number,
  exclude: ReadonlySet<string>,
): number {
  const n = tier.length;
  for (let i = 0; i < n; i++) {
    const at = start + i < n ? start + i : start + i - n;
    if (!exclude.has((tier[at] as Rated<C>).candidate.instance.id)) return at;
  }
  return -1;
}
