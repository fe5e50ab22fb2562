import { CodecError, DEFAULT_DECODE_LIMITS } from "@skein/core";
import { describe, expect, test } from "vitest";
import { decodeMsgpack } from "./msgpack-decode.ts";

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const decode = (input: Uint8Array): unknown => decodeMsgpack(input, 0, input.length, DEFAULT_DECODE_LIMITS);

/** What each first byte begins, with a body that is right, and what comes of it. */
function firstByte(t: number): [string, unknown] {
  const h = t.toString(16).padStart(2, "0");
  if (t < 0x80) return [h, t];
  if (t < 0x90) return [h + "a16101".repeat(t & 15), (t & 15) === 0 ? {} : { a: 1 }];
  if (t < 0xa0) return [h + "07".repeat(t & 15), new Array(t & 15).fill(7)];
  if (t < 0xc0) return [h + "78".repeat(t & 31), "x".repeat(t & 31)];
  if (t >= 0xe0) return [h, t - 256];
  const known = KNOWN[h];
  if (known === undefined) throw new Error(`0x${h} is not in the table`);
  return [h + known[0], known[1]];
}
const refused = (message: string): CodecError => new CodecError(`msgpack: ${message}`);
const KNOWN: Readonly<Record<string, readonly [string, unknown]>> = {
  c0: ["", null],
  c1: ["", refused("the byte 0xc1 begins no value")],
  c2: ["", false],
  c3: ["", true],
  c4: ["03 010203", Uint8Array.of(1, 2, 3)],
  c5: ["0001 09", Uint8Array.of(9)],
  c6: ["00000002 0908", Uint8Array.of(9, 8)],
  c7: ["0c ff 3b9ac9ff 0000000000000001", new Date(1999)],
  c8: ["0003 74 01 0102", Uint8Array.of(1, 2)],
  c9: ["00000005 74 07 0000c03f", new Float32Array([1.5])],
  ca: ["3fc00000", 1.5],
  cb: ["c004000000000000", -2.5],
  cc: ["ff", 255],
  cd: ["ffff", 65_535],
  ce: ["ffffffff", 4_294_967_295],
  cf: ["ffffffffffffffff", 18_446_744_073_709_551_615n],
  d0: ["80", -128],
  d1: ["8000", -32_768],
  d2: ["80000000", -2_147_483_648],
  d3: ["ffffffffffffffff", -1n],
  d4: ["00 00", undefined],
  d5: ["72 0000", refused("a record definition is not accepted")],
  d6: ["ff 00000001", new Date(1000)],
  d7: ["ff 0000000000000002", new Date(2000)],
  d8: [`05 ${"00".repeat(16)}`, refused("extension type 5 is not accepted")],
  d9: ["01 78", "x"],
  da: ["0001 78", "x"],
  db: ["00000001 78", "x"],
  dc: ["0001 07", [7]],
  dd: ["00000001 07", [7]],
  de: ["0001 a161 01", { a: 1 }],
  df: ["00000001 a161 01", { a: 1 }],
};

describe("all 256 first bytes", () => {
  for (let t = 0; t < 256; t++) {
    const [hex, expected] = firstByte(t);
    test(`0x${t.toString(16).padStart(2, "0")}`, () => {
      const input = bytes(hex);
      if (expected instanceof CodecError) {
        expect(() => decode(input)).toThrow(expected);
        return;
      }
      expect(decode(input)).toStrictEqual(expected);
      // Never more than is there, at any length.
      for (let n = 0; n < input.length; n++)
        expect(() => decodeMsgpack(input, 0, n, DEFAULT_DECODE_LIMITS)).toThrow(CodecError);
    });
  }
});

test.each([
  ["", "cut short"],
  ["93 01 02", "cut short"],
  ["a5 6162", "cut short"],
  ["01 02", "1 bytes behind the value"],
  ["dd ffffffff", "cut short"],
  ["df 7fffffff", "cut short"],
  ["c6 ffffffff 00", "cut short"],
  ["db ffffffff 00", "cut short"],
  ["c9 ffffffff 74 01", "cut short"],
  ["81 a9 5f5f70726f746f5f5f 80", 'the key "__proto__" is refused'],
  ["81 d9 09 5f5f70726f746f5f5f 80", 'the key "__proto__" is refused'],
  ["81 da 0009 5f5f70726f746f5f5f 80", 'the key "__proto__" is refused'],
  ["91 81 a9 5f5f70726f746f5f5f 80", 'the key "__proto__" is refused'],
  ["81 c0 01", "a key is a object"],
  ["81 c3 01", "a key is a boolean"],
  ["81 c4 01 61 01", "a key is a object"],
  ["81 80 01", "nested deeper than 64"],
  ["d4 73 00 91 01", "a Set: send an array is not accepted"],
  ["d4 65 00 93 a1 61 a1 62 c0", "an Error: send its message is not accepted"],
  ["d4 78 00 92 a1 61 a0", "a RegExp: send its source is not accepted"],
  ["d4 72 40", "a record definition is not accepted"],
  ["d5 72 4000", "a record definition is not accepted"],
  ["d6 70 00000001", "a reference is not accepted"],
  ["d6 69 00000001", "a reference is not accepted"],
  ["d6 62 00000001", "bundled strings is not accepted"],
  ["c7 09 42 01 0000000000000000", "a bigint of more than 64 bits is not accepted"],
  ["d4 ff ff", "a timestamp of 1 bytes"],
  ["c7 0c ff 3b9aca00 0000000000000001", "a timestamp that no Date can hold"],
  ["c7 0c ff 00000000 7fffffffffffffff", "a timestamp that no Date can hold"],
  ["d7 ff ffffffff 00000000", "a timestamp that no Date can hold"],
  ["c7 00 74", "a typed array without a kind"],
  ["d4 74 10", "a typed array of an unknown kind"],
  ["d4 74 ff", "a typed array of an unknown kind"],
  ["c7 04 74 07 000000", "a Float32Array of 3 bytes"],
])("%s: %s", (hex, message) => {
  let error: unknown;
  try {
    decode(bytes(hex));
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(CodecError);
  expect((error as Error).message).toBe(`msgpack: ${message}`);
});

test("the same keys by another writer's forms: str 8, numbers", () => {
  expect(decode(bytes("82 d9 01 61 01 05 02"))).toStrictEqual({ 5: 2, a: 1 });
});

test("keys that share a place in the cache are told apart", () => {
  const key = (n: number): Uint8Array => Buffer.from(`k${n.toString(36)}`);
  for (let round = 0; round < 2; round++)
    for (let n = 0; n < 20_000; n++) {
      const k = key(n);
      const message = Buffer.concat([Buffer.of(0x81, 0xa0 | k.length), k, Buffer.of(1)]);
      expect(Object.keys(decode(message) as object)[0]).toBe(k.toString());
    }
});

test("bytes that are no UTF-8 become U+FFFD, in a Buffer and in plain bytes alike", () => {
  const input = bytes("d9 12 61 ff fe 80 c3 28 6262626262626262626262 c3");
  expect(decode(input)).toBe(decode(Buffer.from(input)));
  expect(decode(input)).toContain("\ufffd");
  expect(decode(bytes("a4 efbbbf 61"))).toBe("\ufeffa");
});
