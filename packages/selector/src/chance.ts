/** Draws below this are as fine as chance is here. */
export const FULL = 2 ** 24;

/**
 * Whole numbers from 0 to below `n` (at most FULL), by a xorshift seeded once: a call of a random() that gives a fraction would be the dearer half of a pick,
 * and where it cannot be inlined it allocates one.
 */
export function createChance(random: () => number): (n: number) => number {
  let state = Math.floor(random() * 0x7fffffff) | 1;
  return (n) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 8) % n;
  };
}
