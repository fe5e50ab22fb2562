import type { Candidate, CandidateState } from "@skein/core";
import { Rated } from "./statistics.ts";

/** Best first: ready ones, else those that can become ready, else (everybody is suspect: panic) the suspects. Draining ones never. */
const ORDER: readonly (readonly CandidateState[])[] = [["ready"], ["idle", "connecting"], ["suspect"]];

/** Statistics by instance id, from one update to the next. */
export class Pool<C extends Candidate> {
  #rated = new Map<string, Rated<C>>();

  /** The candidates that may be picked now. Instances of weight 0 get nothing. */
  update(candidates: readonly C[]): readonly Rated<C>[] {
    const next = new Map<string, Rated<C>>();
    for (const candidate of candidates) {
      const { id } = candidate.instance;
      const rated = this.#rated.get(id) ?? new Rated(candidate);
      rated.candidate = candidate;
      next.set(id, rated);
    }
    this.#rated = next;
    const open = [...next.values()].filter((r) => r.candidate.instance.weight > 0);
    for (const states of ORDER) {
      const found = open.filter((r) => states.includes(r.candidate.state));
      if (found.length > 0) return found;
    }
    return [];
  }
}

/** The next from `start` on that was not tried yet; undefined when all were. */
export function firstOpen<C extends Candidate>(
  rated: readonly Rated<C>[],
  start: number,
  exclude: ReadonlySet<string> | undefined,
): Rated<C> | undefined {
  const n = rated.length;
  for (let i = 0; i < n; i++) {
    const r = rated[(start + i) % n] as Rated<C>;
    if (exclude === undefined || !exclude.has(r.candidate.instance.id)) return r;
  }
  return undefined;
}
