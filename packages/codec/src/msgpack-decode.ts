import { CodecError, type DecodeLimits } from "@skein/core";

/**
 * MessagePack to plain values: null, undefined, booleans, numbers, bigints (all 64-bit integers: a peer of ours sends only those as such),
 * strings (bytes that are no UTF-8 become U+FFFD), bytes, Dates, typed arrays, arrays and objects. Everything else is refused.
 * Depth and number of values are checked before anything is made, lengths before anything is read.
 * State lives in module variables: decoding is synchronous and never re-entered, and passing it about costs a fifth of the time.
 */

type Bytes = Uint8Array & { utf8Slice?(start: number, end: number): string };

let b: Bytes = new Uint8Array(0);
let p = 0;
let end = 0;
let values = 0;
let maxValues = 0;
let maxDepth = 0;
const text = new TextDecoder("utf-8", { ignoreBOM: true });

/** Exactly one value in bytes[from, to). Throws CodecError saying what is wrong and where. */
export function decodeMsgpack(bytes: Uint8Array, from: number, to: number, limits: DecodeLimits): unknown {
  b = bytes;
  p = from;
  end = to;
  values = 1;
  maxValues = limits.maxValues;
  maxDepth = limits.maxDepth;
  const result = value(0);
  if (p !== to) fail(`${to - p} bytes behind the value`);
  return result;
}

function fail(what: string): never {
  throw new CodecError(`msgpack: ${what}`);
}

function need(n: number): void {
  if (end - p < n) fail("cut short");
}

function count(n: number, most: number, depth: number): void {
  if (depth >= maxDepth) fail(`nested deeper than ${maxDepth}`);
  // Every element takes a byte at least: a length that lies is found before memory is made for it.
  if (n > most) fail("cut short");
  values += n;
  if (values > maxValues) fail(`more than ${maxValues} values`);
}

/** Above so many bytes leaving JavaScript is cheaper. */
const SHORT = 12;

function string(n: number): string {
  need(n);
  const start = p;
  p += n;
  if (n > SHORT) return slice(start, p);
  let bits = 0;
  for (let i = start; i < p; i++) bits |= b[i] as number;
  return bits < 0x80 ? shortAscii(start, n) : slice(start, p);
}

const from = String.fromCharCode;
/** Bytes known to be there. */
function at(i: number): number {
  return b[i] as number;
}
/** In blocks: a string put together letter by letter is made anew with each. */
function shortAscii(start: number, n: number): string {
  let i = start;
  let left = n;
  let out = "";
  if (left >= 8) {
    out = from(at(i), at(i + 1), at(i + 2), at(i + 3), at(i + 4), at(i + 5), at(i + 6), at(i + 7));
    i += 8;
    left -= 8;
  }
  if (left >= 4) {
    const four = from(at(i), at(i + 1), at(i + 2), at(i + 3));
    out = out === "" ? four : out + four;
    i += 4;
    left -= 4;
  }
  if (left === 3) return out + from(at(i), at(i + 1), at(i + 2));
  if (left === 2) return out + from(at(i), at(i + 1));
  return left === 1 ? out + from(at(i)) : out;
}

function slice(start: number, stop: number): string {
  return b.utf8Slice === undefined ? text.decode(b.subarray(start, stop)) : b.utf8Slice(start, stop);
}

/** A key seen before. The same few come in every message, and mostly in the same order. */
interface SeenKey {
  readonly codes: Uint8Array;
  readonly key: string;
  /** The one that came behind it the last time. */
  next: SeenKey | undefined;
}
/** By hash; a collision costs a decoding, no more. */
const CACHE = 2048;
const seen: (SeenKey | undefined)[] = new Array(CACHE).fill(undefined);
let last: SeenKey = { codes: new Uint8Array(0), key: "", next: undefined };

function key(): string {
  need(1);
  const t = b[p] as number;
  if (t < 0xa0 || t > 0xbf) return longKey();
  const n = t & 0x1f;
  need(n + 1);
  const guess = last.next;
  if (guess === undefined || guess.codes.length !== n || !same(guess.codes, p + 1)) return hashedKey(n);
  p += n + 1;
  last = guess;
  return guess.key;
}

function hashedKey(n: number): string {
  const start = p + 1;
  p = start + n;
  let hash = n;
  for (let i = start; i < p; i++) hash = (Math.imul(hash, 31) + (b[i] as number)) | 0;
  const slot = (hash ^ (hash >>> 11)) & (CACHE - 1);
  let found = seen[slot];
  if (found === undefined || found.codes.length !== n || !same(found.codes, start)) {
    const made = allowed(slice(start, p));
    found = { codes: Uint8Array.prototype.slice.call(b, start, p), key: made, next: undefined };
    seen[slot] = found;
  }
  last.next = found;
  last = found;
  return found.key;
}

function same(codes: Uint8Array, start: number): boolean {
  for (let i = 0; i < codes.length; i++) if (codes[i] !== b[start + i]) return false;
  return true;
}

function longKey(): string {
  const k = value(maxDepth);
  if (typeof k === "string") return allowed(k);
  if (typeof k === "number") return String(k);
  return fail(`a key is a ${typeof k}`);
}

/** Assigned, it would replace an object's prototype. `constructor` and `prototype` are plain keys of a plain object. */
function allowed(k: string): string {
  return k === "__proto__" ? fail('the key "__proto__" is refused') : k;
}

function array(n: number, depth: number): unknown[] {
  count(n, end - p, depth);
  const out = new Array<unknown>(n);
  for (let i = 0; i < n; i++) out[i] = value(depth + 1);
  return out;
}

function object(n: number, depth: number): Record<string, unknown> {
  count(n, (end - p) >> 1, depth);
  const out: Record<string, unknown> = {};
  for (let i = 0; i < n; i++) {
    const k = key();
    out[k] = value(depth + 1);
  }
  return out;
}

function u8(): number {
  need(1);
  return b[p++] as number;
}
function u16(): number {
  need(2);
  p += 2;
  return ((b[p - 2] as number) << 8) | (b[p - 1] as number);
}
function u32(): number {
  need(4);
  p += 4;
  return (
    (((b[p - 4] as number) << 24) |
      ((b[p - 3] as number) << 16) |
      ((b[p - 2] as number) << 8) |
      (b[p - 1] as number)) >>>
    0
  );
}
/** Eight bytes at most, turned round where they are copied to: no DataView for each chunk that was read. */
const scratch = new Uint8Array(8);
const float32 = new Float32Array(scratch.buffer);
const float64 = new Float64Array(scratch.buffer);
const int64 = new BigInt64Array(scratch.buffer);
const uint64 = new BigUint64Array(scratch.buffer);
const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

function load(n: number): void {
  need(n);
  if (LITTLE_ENDIAN) for (let i = n - 1; i >= 0; i--) scratch[i] = b[p++] as number;
  else for (let i = 0; i < n; i++) scratch[i] = b[p++] as number;
}
function f32(): number {
  load(4);
  return float32[0] as number;
}
function f64(): number {
  load(8);
  return float64[0] as number;
}
function i64(): bigint {
  load(8);
  return int64[0] as bigint;
}
function u64(): bigint {
  load(8);
  return uint64[0] as bigint;
}
/** A copy: what was decoded refers to nothing that is used again. */
function bytes(n: number): Uint8Array {
  need(n);
  const out = new Uint8Array(n);
  p += n;
  if (n > 64) out.set(b.subarray(p - n, p));
  else for (let i = 0; i < n; i++) out[i] = b[p - n + i] as number;
  return out;
}

const TIMESTAMP = 0xff;
const UNDEFINED = 0;
const TYPED_ARRAY = 0x74;
const TYPED_ARRAYS = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
] as const;
/** What other msgpackr users may send. */
const REFUSED: Readonly<Record<number, string>> = {
  66: "a bigint of more than 64 bits",
  98: "bundled strings",
  101: "an Error: send its message",
  105: "a reference",
  112: "a reference",
  114: "a record definition",
  115: "a Set: send an array",
  120: "a RegExp: send its source",
};

function extension(n: number): unknown {
  const type = u8();
  if (type === TIMESTAMP) return timestamp(n);
  if (type === UNDEFINED && n === 1) {
    need(1);
    p++;
    return undefined;
  }
  if (type === TYPED_ARRAY) return typedArray(n);
  return fail(`${REFUSED[type] ?? `extension type ${type}`} is not accepted`);
}

function timestamp(n: number): Date {
  if (n === 4) return date(u32(), 0);
  if (n === 8) {
    const high = u32();
    return date((high & 3) * 0x1_0000_0000 + u32(), high >>> 2);
  }
  if (n !== 12) fail(`a timestamp of ${n} bytes`);
  const nanos = u32();
  return date(Number(i64()), nanos);
}

function date(seconds: number, nanos: number): Date {
  const ms = seconds * 1000 + Math.trunc(nanos / 1e6);
  if (nanos >= 1e9 || Math.abs(ms) > 8.64e15) fail("a timestamp that no Date can hold");
  return new Date(ms);
}

function typedArray(n: number): unknown {
  if (n < 1) fail("a typed array without a kind");
  const Kind = TYPED_ARRAYS[u8()];
  if (Kind === undefined) fail("a typed array of an unknown kind");
  if ((n - 1) % Kind.BYTES_PER_ELEMENT !== 0) fail(`a ${Kind.name} of ${n - 1} bytes`);
  return new Kind(bytes(n - 1).buffer as ArrayBuffer);
}

function value(depth: number): unknown {
  if (p >= end) fail("cut short");
  const t = b[p++] as number;
  if (t < 0x80) return t;
  if (t >= 0xe0) return t - 256;
  if (t >= 0xa0 && t < 0xc0) return string(t & 0x1f);
  if (t < 0x90) return object(t & 15, depth);
  if (t < 0xa0) return array(t & 15, depth);
  return rare(t, depth);
}

function rare(t: number, depth: number): unknown {
  switch (t) {
    case 0xc0:
      return null;
    case 0xc2:
      return false;
    case 0xc3:
      return true;
    case 0xc4:
      return bytes(u8());
    case 0xc5:
      return bytes(u16());
    case 0xc6:
      return bytes(u32());
    case 0xc7:
      return extension(u8());
    case 0xc8:
      return extension(u16());
    case 0xc9:
      return extension(u32());
    case 0xca:
      return f32();
    case 0xcb:
      return f64();
    case 0xcc:
      return u8();
    case 0xcd:
      return u16();
    case 0xce:
      return u32();
    case 0xcf:
      return u64();
    case 0xd0:
      return (u8() << 24) >> 24;
    case 0xd1:
      return (u16() << 16) >> 16;
    case 0xd2:
      return u32() | 0;
    case 0xd3:
      return i64();
    case 0xd4:
      return extension(1);
    case 0xd5:
      return extension(2);
    case 0xd6:
      return extension(4);
    case 0xd7:
      return extension(8);
    case 0xd8:
      return extension(16);
    case 0xd9:
      return string(u8());
    case 0xda:
      return string(u16());
    case 0xdb:
      return string(u32());
    case 0xdc:
      return array(u16(), depth);
    case 0xdd:
      return array(u32(), depth);
    case 0xde:
      return object(u16(), depth);
    case 0xdf:
      return object(u32(), depth);
    default:
      return fail(`the byte 0x${t.toString(16)} begins no value`);
  }
}
