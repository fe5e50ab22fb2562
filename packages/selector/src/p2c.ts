import type { Candidate, Picker, PickRequest, Selector, SelectorFactory } from "@skein/core";
import { createChance } from "./chance.ts";
import { nextOpen, Pool } from "./pool.ts";
import { cheaper, gather, peek, Rated } from "./statistics.ts";

/**
 * Of two at random, the one with the lower expected cost (power of two choices, Mitzenmacher 2001; peak EWMA with a time constant of 10 s as in
 * Finagle and tower, times the calls in flight, whose ages count as in Kratos).
 */
export const p2c: SelectorFactory = ({ random }) => new TwoChoices(createChance(random));

class TwoChoices implements Selector, Picker {
  readonly #below: (n: number) => number;
  readonly #pool = new Pool<Rated>((candidate) => new Rated(candidate));
  #tiers: readonly Rated[][] = [];
  /** Those of all tiers, one tier after the other. */
  #all: readonly Rated[] = [];
  /** Theirs, in that order. */
  #rows: Float64Array = new Float64Array(0);
  /** How many there are in the first tier. */
  #best = 0;
  /** The two of the next pick: drawn by the pick before, so that memory has the time of a call to bring them. */
  #i = 0;
  #j = 0;

  constructor(below: (n: number) => number) {
    this.#below = below;
  }

  update(candidates: readonly Candidate[]): this {
    const tiers = this.#pool.update(candidates);
    const all = tiers.flat();
    for (let i = 0; i < all.length; i++) (all[i] as Rated).look();
    this.#rows = gather(all, this.#all);
    this.#tiers = tiers;
    this.#all = all;
    this.#best = tiers[0]?.length ?? 0;
    if (this.#best > 1) this.#draw();
    return this;
  }

  pick({ exclude, now }: PickRequest): Rated | undefined {
    if (exclude !== undefined) return this.#untried(exclude, now);
    if (this.#best <= 1) return this.#all[0]?.picked(now);
    const chosen = cheaper(this.#rows, this.#i, this.#j, now);
    this.#draw();
    return (this.#all[chosen] as Rated).picked(now);
  }

  /** No jump here, nor in cheaper(): one that nothing foretells costs a tenth of a pick. */
  #draw(): void {
    const i = this.#below(this.#best);
    const other = this.#below(this.#best - 1);
    const j = other + Number(other >= i);
    peek(this.#all, this.#rows, i, j);
    this.#i = i;
    this.#j = j;
  }

  /** Of those that were not tried yet; undefined when all were. */
  #untried(exclude: ReadonlySet<string>, now: number): Rated | undefined {
    for (let t = 0; t < this.#tiers.length; t++) {
      const tier = this.#tiers[t] as Rated[];
      const i = nextOpen(tier, this.#below(tier.length), exclude);
      if (i < 0) continue;
      const j = nextOpen(tier, this.#below(tier.length), exclude);
      const chosen = cheaper(this.#rows, (tier[i] as Rated).row, (tier[j] as Rated).row, now);
      return (this.#all[chosen] as Rated).picked(now);
    }
    return undefined;
  }
}
