import type { Candidate, Picker, SelectorFactory } from "@skein/core";
import { firstOpen, Pool } from "./pool.ts";

/** Any, with equal chance. */
export const random: SelectorFactory = ({ random: next }) => {
  const pool = new Pool<Candidate>();
  return {
    update(candidates): Picker<Candidate> {
      const rated = pool.update(candidates);
      return {
        pick(call) {
          if (rated.length === 0) return undefined;
          return firstOpen(rated, Math.floor(next() * rated.length), call.exclude)?.picked(call.now);
        },
      };
    },
  };
};
