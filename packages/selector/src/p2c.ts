import type { Candidate, Picker, SelectorFactory } from "@skein/core";
import { createChance } from "./chance.ts";
import { nextOpen, Pool } from "./pool.ts";
import type { Rated } from "./statistics.ts";

/**
 * Of two at random, the one with the lower expected cost (power of two choices, Mitzenmacher 2001; peak EWMA as in Finagle and tower).
 */
export const p2c: SelectorFactory = ({ random }) => {
  const pool = new Pool<Candidate>(random);
  const below = createChance(random);
  /** Index of the better of two that were not tried yet; -1 when all were. */
  const among = (tier: readonly Rated<Candidate>[], exclude: ReadonlySet<string>, now: number): number => {
    const n = tier.length;
    const i = nextOpen(tier, below(n), exclude);
    if (i < 0) return i;
    const j = nextOpen(tier, below(n), exclude);
    return better(tier[i] as Rated<Candidate>, tier[j] as Rated<Candidate>, now) === tier[i] ? i : j;
  };
  return {
    update(candidates): Picker<Candidate> {
      const tiers = pool.update(candidates);
      const best = tiers[0] ?? [];
      const n = best.length;
      return {
        pick({ exclude, now }) {
          if (exclude === undefined) {
            if (n <= 1) return best[0]?.picked(now);
            const i = below(n);
            const j = (i + 1 + below(n - 1)) % n;
            return better(best[i] as Rated<Candidate>, best[j] as Rated<Candidate>, now).picked(now);
          }
          for (let t = 0; t < tiers.length; t++) {
            const tier = tiers[t] as Rated<Candidate>[];
            const at = among(tier, exclude, now);
            if (at >= 0) return tier[at]?.picked(now);
          }
          return undefined;
        },
      };
    },
  };
};

function better(a: Rated<Candidate>, b: Rated<Candidate>, now: number): Rated<Candidate> {
  a.rate(now);
  b.rate(now);
  return a.cost <= b.cost ? a : b;
}
