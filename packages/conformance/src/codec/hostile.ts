import { CodecError, type CodecFactory } from "@skein/core";
import { seededRandom } from "@skein/core/testing";
import { expect } from "vitest";
import type { ConformanceCase } from "../case.ts";
import { create, decode, encode, expectRefused } from "./bench.ts";
import { samples } from "./values.ts";

const nested = (levels: number): unknown => {
  let value: unknown = 1;
  for (let i = 0; i < levels; i++) value = i % 2 === 0 ? [value] : { v: value };
  return value;
};
const SEED = 0x5ce1;

/** Whatever came of it: a value or a CodecError, and no object anywhere has got a new member. */
function decodesOrRefuses(factory: CodecFactory, bytes: Uint8Array): void {
  try {
    decode(create(factory), bytes);
  } catch (error) {
    expect(error, Buffer.from(bytes).toString("hex")).toBeInstanceOf(CodecError);
  }
}

function unpolluted(): void {
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  expect(([] as { polluted?: unknown }).polluted).toBeUndefined();
}

/** What untrusted bytes, and values that cannot travel, must meet. */
export const hostileCases: readonly ConformanceCase<CodecFactory>[] = [
  {
    name: "cut at every byte, and with a byte too many: refused",
    run: (factory) => {
      const codec = create(factory);
      for (const value of samples) {
        const bytes = encode(codec, value);
        for (let end = 0; end < bytes.length; end++)
          expectRefused(`${end} of ${bytes.length} bytes`, () => codec.decode(bytes, 0, end));
        const longer = new Uint8Array(bytes.length + 1);
        longer.set(bytes);
        longer[bytes.length] = bytes[0] as number;
        expectRefused("a byte too many", () => decode(codec, longer));
      }
    },
  },
  {
    name: "bytes beyond the end are not read",
    run: (factory) => {
      const codec = create(factory);
      const bytes = encode(codec, samples[0]);
      const longer = new Uint8Array(bytes.length + 64).fill(0x22);
      longer.set(bytes, 8);
      expect(codec.decode(longer, 8, 8 + bytes.length)).toStrictEqual(samples[0]);
    },
  },
  {
    name: "depth: as deep as the limit, not a level deeper",
    run: (factory) => {
      for (const maxDepth of [1, 5, 64]) {
        const codec = factory.create({ maxDepth, maxValues: 1000 });
        expect(decode(codec, encode(codec, nested(maxDepth)))).toStrictEqual(nested(maxDepth));
        expectRefused(`${maxDepth + 1} levels`, () => decode(codec, encode(codec, nested(maxDepth + 1))));
      }
    },
  },
  {
    name: "values: about as many as the limit, not twice as many; keys do not count",
    run: (factory) => {
      const codec = factory.create({ maxDepth: 64, maxValues: 1000 });
      const list = (n: number): unknown => Array.from({ length: n }, () => 1);
      const lists = (n: number): unknown => Array.from({ length: n }, () => list(9));
      const object = (n: number): unknown =>
        Object.fromEntries(Array.from({ length: n }, (_, i) => [`k${i}`, i]));
      for (const value of [list(990), lists(90), object(990)])
        expect(decode(codec, encode(codec, value))).toStrictEqual(value);
      for (const value of [list(1001), lists(200), object(1001), Array.from({ length: 1001 }, () => ({}))])
        expectRefused("too many values", () => decode(codec, encode(codec, value)));
    },
  },
  {
    name: "the key __proto__ does no harm",
    run: (factory) => {
      const codec = create(factory);
      const evil = JSON.parse(
        '{"a":[{"__proto__":{"polluted":true}}],"constructor":{"prototype":{"polluted":true}}}',
      );
      let bytes: Uint8Array | undefined;
      try {
        bytes = encode(codec, evil);
      } catch (error) {
        expect(error).toBeInstanceOf(CodecError);
      }
      if (bytes === undefined) return;
      let decoded: { a: object[] } | undefined;
      try {
        decoded = decode(codec, bytes) as { a: object[] };
      } catch (error) {
        expect(error).toBeInstanceOf(CodecError);
      }
      unpolluted();
      if (decoded === undefined) return;
      expect(Object.getPrototypeOf(decoded.a[0])).toBe(Object.prototype);
      const merged = Object.assign({}, decoded.a[0]) as { polluted?: boolean };
      expect(merged.polluted).toBeUndefined();
    },
  },
  {
    name: "what cannot travel is refused, and the codec works on",
    run: (factory) => {
      const codec = create(factory);
      const cycle: Record<string, unknown> = { a: 1 };
      cycle.self = { back: cycle };
      const values = {
        function: () => 1,
        symbol: Symbol("s"),
        "large bigint": 2n ** 70n,
        cycle,
        "a Map": new Map([[1, 2]]),
      };
      for (const [what, value] of Object.entries(values)) {
        expectRefused(what, () => encode(codec, { order: [value] }));
        expect(decode(codec, encode(codec, samples[0])), `after ${what}`).toStrictEqual(samples[0]);
      }
      class Throws {
        get price(): number {
          throw new Error("no price");
        }
        toJSON(): unknown {
          throw new Error("no price");
        }
      }
      expectRefused("a toJSON that throws", () => encode(codec, { order: new Throws() }));
      expect(decode(codec, encode(codec, samples[0]))).toStrictEqual(samples[0]);
    },
  },
  {
    name: "random bytes are a value or a CodecError",
    run: (factory) => {
      const random = seededRandom(SEED);
      for (let i = 0; i < 20_000; i++)
        decodesOrRefuses(
          factory,
          Uint8Array.from({ length: Math.floor(random() * 64) }, () => random() * 256),
        );
      unpolluted();
    },
  },
  {
    name: "damaged messages are a value or a CodecError",
    run: (factory) => {
      const random = seededRandom(SEED);
      const messages = samples.map((value) => encode(create(factory), value));
      for (let i = 0; i < 20_000; i++) {
        const bytes = (messages[i % messages.length] as Uint8Array).slice();
        for (let flips = 1 + random() * 4; flips > 0; flips--)
          bytes[Math.floor(random() * bytes.length)] = random() * 256;
        decodesOrRefuses(factory, bytes.subarray(0, bytes.length - Math.floor(random() * 3)));
      }
      unpolluted();
    },
  },
];
