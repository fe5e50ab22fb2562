import type { Candidate, Picker, SelectorFactory } from "@skein/core";
import { createChance } from "./chance.ts";
import { nextOpen, Pool } from "./pool.ts";
import type { Rated } from "./statistics.ts";

/** Any, with equal chance. */
export const random: SelectorFactory = ({ random: fraction }) => {
  const pool = new Pool<Candidate>(fraction);
  const below = createChance(fraction);
  return {
    update(candidates): Picker<Candidate> {
      const tiers = pool.update(candidates);
      return {
        pick({ exclude, now }) {
          for (let t = 0; t < tiers.length; t++) {
            const tier = tiers[t] as Rated<Candidate>[];
            const at = below(tier.length);
            const open = exclude === undefined ? at : nextOpen(tier, at, exclude);
            if (open >= 0) return tier[open]?.picked(now);
          }
          return undefined;
        },
      };
    },
  };
};
