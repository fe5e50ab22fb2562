import type { Picker, SelectorFactory } from "@skein/core";
import { AliasTable } from "./alias-table.ts";
import { createChance } from "./chance.ts";
import { nextOpen, Plain, Pool } from "./pool.ts";

/** Draws for one that was not tried yet; after so many the next is taken. */
const MOST_DRAWS = 8;

/**
 * Any, with a chance in proportion to its instance's weight, by an alias table (Walker 1977, Vose 1991): two numbers and two reads a pick, however many
 * instances. No memory of who came before, so that updates, however often, disturb no share.
 */
export const weighted: SelectorFactory = ({ random }) => {
  const pool = new Pool<Plain>((candidate) => new Plain(candidate));
  const below = createChance(random);
  const drawOf = (tier: readonly Plain[]): AliasTable =>
    new AliasTable(
      tier.map(({ candidate }) => candidate.instance.weight),
      below,
    );
  return {
    update(candidates): Picker {
      const tiers = pool.update(candidates).map((tier) => ({ tier, table: drawOf(tier) }));
      return {
        pick({ exclude }) {
          for (let t = 0; t < tiers.length; t++) {
            const { tier, table } = tiers[t] as { tier: Plain[]; table: AliasTable };
            const at = table.draw();
            if (exclude === undefined) return tier[at];
            const open = openNear(tier, table, at, exclude);
            if (open >= 0) return tier[open];
          }
          return undefined;
        },
      };
    },
  };
};

/** `first`, or another draw, that was not tried yet; -1 when all were. */
function openNear(
  tier: readonly Plain[],
  table: AliasTable,
  first: number,
  exclude: ReadonlySet<string>,
): number {
  let at = first;
  for (let draws = 1; draws < MOST_DRAWS; draws++) {
    if (!exclude.has((tier[at] as Plain).candidate.instance.id)) return at;
    at = table.draw();
  }
  return nextOpen(tier, at, exclude);
}
