import type { Candidate, Picker, SelectorFactory } from "@skein/core";
import { type Entry, nextOpen, Pool } from "./pool.ts";

class Ordered implements Entry {
  candidate: Candidate;
  round = 0;
  readonly order: number;

  constructor(candidate: Candidate, order: number) {
    this.candidate = candidate;
    this.order = order;
  }

  done(): void {}
}

/**
 * All calls to one instance, as long as it is ready; then to the next, which keeps them when the first comes back. The order is each client's
 * own (gRPC's pick_first as shuffled by proposal A62), so that not all clients go to the same one.
 */
export const pickFirst: SelectorFactory = ({ random }) => {
  const pool = new Pool<Ordered>((candidate) => new Ordered(candidate, random()));
  let current: Ordered | undefined;
  return {
    update(candidates): Picker {
      const tiers = pool.update(candidates);
      for (const tier of tiers) tier.sort((a, b) => a.order - b.order);
      const best = tiers[0] ?? [];
      if (current === undefined || !best.includes(current)) current = best[0];
      const first = current;
      return {
        pick({ exclude }) {
          if (first === undefined || exclude?.has(first.candidate.instance.id) !== true) return first;
          for (const tier of tiers) {
            const open = nextOpen(tier, 0, exclude);
            if (open >= 0) return tier[open];
          }
          return undefined;
        },
      };
    },
  };
};
