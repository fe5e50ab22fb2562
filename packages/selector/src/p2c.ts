import type { Candidate, Picker, SelectorFactory } from "@skein/core";
import { firstOpen, Pool } from "./pool.ts";
import type { Rated } from "./statistics.ts";

/**
 * Of two at random, the one with the lower expected cost (power of two choices, Mitzenmacher 2001; peak EWMA as in Finagle and tower). Random
 * numbers are a xorshift of our own: a call of Math.random would be the dearer half of a pick.
 */
export const p2c: SelectorFactory = ({ random }) => {
  const pool = new Pool<Candidate>();
  let state = Math.floor(random() * 0x7fffffff) | 1;
  const below = (n: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 8) % n;
  };
  return {
    update(candidates): Picker<Candidate> {
      const rated = pool.update(candidates);
      const n = rated.length;
      return {
        pick({ exclude, now }) {
          if (n === 0) return undefined;
          if (n === 1 || exclude !== undefined) return firstOpen(rated, below(n), exclude)?.picked(now);
          const i = below(n);
          const j = (i + 1 + below(n - 1)) % n;
          const a = rated[i] as Rated<Candidate>;
          const b = rated[j] as Rated<Candidate>;
          return (a.cost(now) <= b.cost(now) ? a : b).picked(now);
        },
      };
    },
  };
};
