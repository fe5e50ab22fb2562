import { FULL } from "./chance.ts";

/**
 * Draws an index with a chance in proportion to its weight, in constant time (Walker's alias method, 1977; built as Vose 1991): one slot is drawn, and of
 * the two that share it one by a second draw. Building is linear.
 */
export class AliasTable {
  readonly #below: (n: number) => number;
  /** Of FULL: with what chance a slot is its own. */
  readonly #own: Int32Array;
  readonly #other: Int32Array;

  /** @param weights above 0 */
  constructor(weights: readonly number[], below: (n: number) => number) {
    this.#below = below;
    const n = weights.length;
    this.#own = new Int32Array(n).fill(FULL);
    this.#other = new Int32Array(n);
    const mean = weights.reduce((sum, weight) => sum + weight, 0) / n;
    const share = Float64Array.from(weights, (weight) => weight / mean);
    const poor: number[] = [];
    const rich: number[] = [];
    share.forEach((of, i) => void (of < 1 ? poor : rich).push(i));
    for (let few = poor.pop(), many = rich.pop(); few !== undefined && many !== undefined; ) {
      const own = share[few] as number;
      this.#own[few] = Math.round(own * FULL);
      this.#other[few] = many;
      share[many] = (share[many] as number) + own - 1;
      if ((share[many] as number) < 1) {
        few = many;
        many = rich.pop();
      } else few = poor.pop();
    }
  }

  draw(): number {
    const at = this.#below(this.#own.length);
    return this.#below(FULL) < (this.#own[at] as number) ? at : (this.#other[at] as number);
  }
}
