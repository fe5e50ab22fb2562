import type { DecodeLimits } from "./codec.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;

/** What is too much in the JSON in bytes[start, end): `nested deeper than 64`. Counted on the bytes, before anything is made of them. */
export function jsonExcess(
  bytes: Uint8Array,
  start: number,
  end: number,
  { maxDepth, maxValues }: DecodeLimits,
): string | undefined {
  let depth = 0;
  let values = 1;
  for (let p = start; p < end; p++) {
    const c = bytes[p] as number;
    if (c === QUOTE) {
      for (p++; p < end && bytes[p] !== QUOTE; p++) if (bytes[p] === BACKSLASH) p++;
    } else if (c === 0x5b || c === 0x7b) {
      values++;
      if (++depth > maxDepth) return `nested deeper than ${maxDepth}`;
    } else if (c === 0x5d || c === 0x7d) depth--;
    else if (c === COMMA) values++;
    if (values > maxValues) return `more than ${maxValues} values`;
  }
  return undefined;
}

/** `__proto__` written out, or one of its letters escaped: only then does every key have to be looked at. */
const PERHAPS_PROTO = /__proto__|\\u00(?:5[fF]|6[fF]|7[024])/;

/**
 * Whether something in it has the key `__proto__`.
 * @param json it was read from, which was looked at for its depth
 */
export function hasProtoKey(json: string, value: unknown): boolean {
  return PERHAPS_PROTO.test(json) && hasKey(value);
}

function hasKey(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Object.hasOwn(value, "__proto__") || Object.values(value).some(hasKey);
}
