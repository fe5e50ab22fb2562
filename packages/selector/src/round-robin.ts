import type { Candidate, Picker, PickRequest, SelectorFactory } from "@skein/core";
import { type Entry, nextOpen, Pool } from "./pool.ts";

/**
 * One after the other, truly: it is always the turn of the one that waited longest, whatever came, went or changed its state meanwhile. Newcomers
 * come first, in random order, so that a thousand clients do not all begin with the same one.
 */
export const roundRobin: SelectorFactory = ({ random }) => {
  const pool = new Pool<Turned>((candidate) => new Turned(candidate, random()));
  const count = { turns: 0 };
  return {
    update(candidates): Picker {
      const rings = pool.update(candidates).map((tier) => new Ring(tier, count));
      return {
        pick(call) {
          for (let t = 0; t < rings.length; t++) {
            const pick = (rings[t] as Ring).next(call);
            if (pick !== undefined) return pick;
          }
          return undefined;
        },
      };
    },
  };
};

class Turned implements Entry {
  candidate: Candidate;
  round = 0;
  /** When it was last picked, in picks; below zero: not yet. */
  turn: number;

  /** @param order where newcomers stand among themselves, 0 to 1 */
  constructor(candidate: Candidate, order: number) {
    this.candidate = candidate;
    this.turn = -1 - order;
  }

  done(): void {}
}

class Ring {
  readonly #ring: Turned[];
  readonly #count: { turns: number };
  #at = 0;

  constructor(tier: Turned[], count: { turns: number }) {
    this.#ring = tier.sort((a, b) => a.turn - b.turn);
    this.#count = count;
  }

  next({ exclude }: PickRequest): Turned | undefined {
    const ring = this.#ring;
    const at = this.#at;
    const open = exclude === undefined ? at : nextOpen(ring, at, exclude);
    if (open < 0) return undefined;
    const chosen = ring[open] as Turned;
    // Those that were passed over keep their turn: the first of them takes the place of the chosen one.
    if (open !== at) {
      ring[open] = ring[at] as Turned;
      ring[at] = chosen;
    }
    this.#at = at + 1 === ring.length ? 0 : at + 1;
    chosen.turn = this.#count.turns++;
    return chosen;
  }
}
