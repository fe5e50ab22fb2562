/** Numbers in [0, 1) that are the same at each run (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const PIECES = ['"', "\\", "{", "}", "[", "]", ",", ":", " ", "\n", "\0", "a", "é", "\u2028", "𝄞", "\ud800"];

function randomText(random: () => number): string {
  return Array.from(
    { length: Math.floor(random() * 6) },
    () => PIECES[Math.floor(random() * PIECES.length)],
  ).join("");
}

function randomValue(random: () => number, depth: number): unknown {
  const kind = Math.floor(random() * (depth > 0 ? 7 : 5));
  if (kind === 0) return null;
  if (kind === 1) return random() < 0.5;
  if (kind === 2) return (random() - 0.5) * 10 ** Math.floor(random() * 30);
  if (kind <= 4) return randomText(random);
  if (kind === 5)
    return Array.from({ length: Math.floor(random() * 4) }, () => randomValue(random, depth - 1));
  return randomObject(random, depth - 1);
}

/** With whatever could be taken for the end of something in its texts. */
export function randomObject(random: () => number, depth = 3): Record<string, unknown> {
  const size = Math.floor(random() * 5);
  return Object.fromEntries(
    Array.from({ length: size }, () => [randomText(random), randomValue(random, depth)]),
  );
}
