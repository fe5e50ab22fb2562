const GOLDEN = 0x9e3779b9;

// All give signed numbers: an unsigned one above 2^31 that is returned may be put on the heap.

/** Spreads 32 bits over 32 bits, one to one (MurmurHash3's finalizer). */
export function mix(bits: number): number {
  let h = bits ^ (bits >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** 32 bits of a text: the same in every process (FNV-1a over UTF-16 units, then mixed). */
export function hashText(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return mix(h);
}

/** The n-th of a series of hashes that begins with `hash`. */
export function nth(hash: number, n: number): number {
  return mix((hash + Math.imul(n, GOLDEN)) | 0);
}
