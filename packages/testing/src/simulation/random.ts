import { seededRandom } from "@skein/core/testing";

/** Seeded chance: the same seed and label give the same numbers, on every machine. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform in [min, max). */
  between(min: number, max: number): number;
  /** A whole number from 0 to below `n`. */
  below(n: number): number;
  /** True with probability `p`. */
  chance(p: number): boolean;
  /** One of them; undefined of none. */
  pick<T>(items: readonly T[]): T | undefined;
}

/** @param label streams of different labels are independent: one that is drawn from more often does not shift the others */
export function createRandom(seed: number, label: string): Random {
  return new SeededRandom(hash(`${seed} ${label}`));
}

class SeededRandom implements Random {
  readonly next: () => number;

  constructor(seed: number) {
    this.next = seededRandom(seed);
  }

  between(min: number, max: number): number {
    return min + this.next() * (max - min);
  }
  below(n: number): number {
    return Math.floor(this.next() * n);
  }
  chance(p: number): boolean {
    return this.next() < p;
  }
  pick<T>(items: readonly T[]): T | undefined {
    return items.length === 0 ? undefined : items[this.below(items.length)];
  }
}

/** FNV-1a, mixed once more. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  return (h ^ (h >>> 13)) >>> 0;
}
