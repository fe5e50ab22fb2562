import type { Candidate, Pick, Picker, SelectorFactory } from "../../selector.ts";

/** Picks of a test's selector that were not followed by done(). */
export interface CountingSelector {
  readonly factory: SelectorFactory;
  readonly open: Map<string, number>;
  /** Outcomes told: instance, failed. */
  readonly outcomes: { readonly id: string; readonly failed: boolean | undefined; readonly ms: number }[];
}

/** Ready ones in turn, else idle or connecting ones, else suspects. */
export function createCountingSelector(): CountingSelector {
  const open = new Map<string, number>();
  const outcomes: CountingSelector["outcomes"] = [];
  let turn = 0;
  const pickOf = (candidate: Candidate): Pick => ({
    candidate,
    done(startedAt, now, failed) {
      const { id } = candidate.instance;
      open.set(id, (open.get(id) ?? 0) - 1);
      outcomes.push({ id, failed, ms: now - startedAt });
    },
  });
  const factory: SelectorFactory = () => ({
    update(candidates): Picker {
      const ranks = [["ready"], ["idle", "connecting"], ["suspect"]].map((states) =>
        candidates.filter((c) => states.includes(c.state)),
      );
      const best = ranks.find((rank) => rank.length > 0) ?? [];
      return {
        pick({ exclude }) {
          for (let i = 0; i < best.length; i++) {
            const candidate = best[turn++ % best.length] as Candidate;
            const { id } = candidate.instance;
            if (exclude?.has(id) === true) continue;
            open.set(id, (open.get(id) ?? 0) + 1);
            return pickOf(candidate);
          }
          return undefined;
        },
      };
    },
  });
  return { factory, open, outcomes };
}
