import type { Picker, SelectorFactory } from "@skein/core";
import { createChance } from "./chance.ts";
import { nextOpen, Pool } from "./pool.ts";
import { Rows } from "./rows.ts";
import { cheaper, RATED_STRIDE, Rated } from "./statistics.ts";

/**
 * Of two at random, the one with the lower expected cost (power of two choices, Mitzenmacher 2001; peak EWMA with a time constant of 10 s as in
 * Finagle and tower, times the calls in flight, whose ages count as in Kratos).
 */
export const p2c: SelectorFactory = ({ random }) => {
  const statistics = new Rows(RATED_STRIDE);
  const pool = new Pool<Rated>(
    (candidate) => new Rated(candidate, statistics),
    (rated) => statistics.part(rated),
  );
  const below = createChance(random);
  /** The better of two that were not tried yet; undefined when all were. */
  const among = (tier: readonly Rated[], exclude: ReadonlySet<string>, now: number): Rated | undefined => {
    const i = nextOpen(tier, below(tier.length), exclude);
    if (i < 0) return undefined;
    const a = tier[i] as Rated;
    const b = tier[nextOpen(tier, below(tier.length), exclude)] as Rated;
    return cheaper(a.rows, a.at, b.at, now) ? a : b;
  };
  return {
    update(candidates): Picker {
      const tiers = pool.update(candidates);
      for (const tier of tiers)
        for (const rated of tier) {
          rated.weigh();
          rated.look();
        }
      const best = tiers[0] ?? [];
      const n = best.length;
      const rows = statistics.data;
      const offsets = Int32Array.from(best, (rated) => rated.at);
      return {
        pick({ exclude, now }) {
          if (exclude === undefined) {
            if (n <= 1) return best[0]?.picked(now);
            const i = below(n);
            const other = i + 1 + below(n - 1);
            const j = other < n ? other : other - n;
            const first = cheaper(rows, offsets[i] as number, offsets[j] as number, now);
            return (best[first ? i : j] as Rated).picked(now);
          }
          for (let t = 0; t < tiers.length; t++) {
            const found = among(tiers[t] as Rated[], exclude, now);
            if (found !== undefined) return found.picked(now);
          }
          return undefined;
        },
      };
    },
  };
};
