import type { Picker, SelectorFactory } from "@skein/core";
import { createChance } from "./chance.ts";
import { nextOpen, Plain, Pool } from "./pool.ts";

/** Any, with equal chance. */
export const random: SelectorFactory = ({ random: fraction }) => {
  const pool = new Pool<Plain>((candidate) => new Plain(candidate));
  const below = createChance(fraction);
  return {
    update(candidates): Picker {
      const tiers = pool.update(candidates);
      return {
        pick({ exclude }) {
          for (let t = 0; t < tiers.length; t++) {
            const tier = tiers[t] as Plain[];
            const at = below(tier.length);
            const open = exclude === undefined ? at : nextOpen(tier, at, exclude);
            if (open >= 0) return tier[open];
          }
          return undefined;
        },
      };
    },
  };
};
