import type { Candidate, Picker, SelectorFactory } from "@skein/core";
import { firstOpen, Pool } from "./pool.ts";

/** One after the other, truly: the turn goes on across updates. */
export const roundRobin: SelectorFactory = ({ random }) => {
  const pool = new Pool<Candidate>();
  let turn = Math.floor(random() * 1_000_000);
  return {
    update(candidates): Picker<Candidate> {
      const rated = pool.update(candidates);
      return {
        pick(call) {
          if (rated.length === 0) return undefined;
          turn = turn >= 1_000_000_000 ? 0 : turn + 1;
          return firstOpen(rated, turn % rated.length, call.exclude)?.picked(call.now);
        },
      };
    },
  };
};
