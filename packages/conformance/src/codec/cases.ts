import type { CodecFactory } from "@skein/core";
import { expect } from "vitest";
import type { ConformanceCase } from "../case.ts";
import { create, decode, encode, expectRefused, writerOf } from "./bench.ts";
import { hostileCases } from "./hostile.ts";
import { everyday, samples } from "./values.ts";

/** What a codec may lack. */
export type CodecAbility = "bytes" | "bigint" | "date" | "not-finite" | "typed-arrays" | "undefined";

const BIG_ROOM = 4 * 1024 * 1024;

function comesBack(factory: CodecFactory, value: unknown): void {
  const codec = create(factory);
  expect(decode(codec, encode(codec, value, writerOf(BIG_ROOM)))).toStrictEqual(value);
}

const carried = (
  name: string,
  needs: CodecAbility | undefined,
  values: readonly unknown[],
): ConformanceCase<CodecFactory> => ({
  name,
  needs,
  run: (factory) => {
    for (const value of values) comesBack(factory, value);
  },
});

const bytesOf = (n: number): Uint8Array => Uint8Array.from({ length: n }, (_, i) => i * 7);

const values: readonly ConformanceCase<CodecFactory>[] = [
  carried("what goes in comes out: numbers, strings, arrays, objects", undefined, everyday),
  carried("undefined members stay", "undefined", [{ a: undefined, b: [undefined, 1] }]),
  carried("bytes", "bytes", [...[0, 1, 255, 256, 65_536].map(bytesOf), { a: bytesOf(3), b: [bytesOf(70)] }]),
  carried("64-bit integers", "bigint", [0n, 5n, -5n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 64n - 1n]),
  carried("dates", "date", [
    ...[0, 1, 999, -1, -1500, 1_700_000_000_123, 2 ** 32 * 1000, 2 ** 34 * 1000, -8.64e15, 8.64e15].map(
      (ms) => new Date(ms),
    ),
  ]),
  carried("infinities and NaN", "not-finite", [
    [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  ]),
  carried("typed arrays", "typed-arrays", [
    new Float32Array(64).fill(1.5),
    new Float64Array([1, 2.5]),
    new Int16Array([-1, 300]),
    new Uint32Array(bytesOf(16).buffer, 4, 2),
    new BigInt64Array([-5n]),
    new Uint8ClampedArray([1, 255]),
  ]),
];

const places: readonly ConformanceCase<CodecFactory>[] = [
  {
    name: "written at the position, which moves behind it; nothing before it is touched",
    run: (factory) => {
      const codec = create(factory);
      for (const make of [undefined, (n: number) => Buffer.alloc(n)]) {
        const w = writerOf(1 << 16, 0xee, make);
        const ends: [unknown, number, number][] = [];
        for (const value of samples) {
          w.position = (w.position + 15) & ~7;
          const start = w.position;
          expect(codec.encodeInto(value, w)).toBeUndefined();
          ends.push([value, start, w.position]);
        }
        for (const [value, start, end] of ends)
          expect(codec.decode(w.bytes, start, end)).toStrictEqual(value);
        expect([...w.bytes.subarray(0, 8)], "what stood in front").toStrictEqual(new Array(8).fill(0xee));
      }
    },
  },
  {
    name: "a value that does not fit comes back in a buffer of its own, and stays as it is",
    run: (factory) => {
      const codec = create(factory);
      const value = { long: "x".repeat(20_000), list: Array.from({ length: 500 }, (_, i) => i) };
      const w = writerOf(4096);
      const first = codec.encodeInto(value, w) as Uint8Array;
      expect(first).toBeInstanceOf(Uint8Array);
      expect(w.position).toBe(0);
      expect(first.buffer === w.bytes.buffer, "in the writer's memory").toBe(false);
      const second = codec.encodeInto({ ...value, long: "y".repeat(20_000) }, w) as Uint8Array;
      codec.encodeInto(samples, writerOf(1 << 16));
      expect(decode(codec, first)).toStrictEqual(value);
      expect((decode(codec, second) as typeof value).long[0]).toBe("y");
    },
  },
  {
    name: "nothing decoded refers to the bytes",
    run: (factory) => {
      const codec = create(factory);
      for (const value of [...samples, { long: "y".repeat(3000) }]) {
        const bytes = encode(codec, value);
        const decoded = decode(codec, bytes);
        bytes.fill(0x2e);
        expect(decoded).toStrictEqual(value);
      }
    },
  },
  {
    name: "bytes decoded are a copy",
    needs: "bytes",
    run: (factory) => {
      const codec = create(factory);
      for (const n of [3, 100, 5000]) {
        const bytes = encode(codec, { raw: bytesOf(n) });
        const decoded = decode(codec, bytes) as { raw: Uint8Array };
        bytes.fill(0);
        expect(decoded.raw).toStrictEqual(bytesOf(n));
        expect(decoded.raw.buffer.byteLength, "memory that comes with it").toBe(n);
      }
    },
  },
  {
    name: "the same value becomes the same bytes, whatever stood in the buffer",
    run: (factory) => {
      const codec = create(factory);
      const memory = [new Float32Array(64), new Uint16Array(9), bytesOf(40)];
      const list = [
        ...samples,
        ...everyday.slice(0, 60),
        ...memory.filter((value) => encodes(factory, value)),
      ];
      for (const value of list)
        expect(encode(codec, value, writerOf(1 << 17, 0xaa)), "no byte that was not written").toStrictEqual(
          encode(codec, value, writerOf(1 << 17, 0x55)),
        );
    },
  },
  {
    name: "no state: any instance decodes what any other encoded, in any order",
    run: (factory) => {
      const [a, b] = [create(factory), create(factory)];
      const messages = [...samples, ...samples].map((value) => encode(a, value)).reverse();
      const decoded = messages.map((bytes) => decode(b, bytes)).reverse();
      expect(decoded).toStrictEqual([...samples, ...samples]);
    },
  },
  {
    name: "a value that encodes another while it is encoded is right or refused, and harms nobody",
    run: (factory) => {
      const codec = create(factory);
      class Sneaky {
        toJSON(): unknown {
          return decode(codec, encode(codec, samples[0]));
        }
      }
      const w = writerOf(1 << 16);
      try {
        const bytes = encode(codec, { before: 1, inner: new Sneaky(), after: 2 }, w);
        expect(decode(codec, bytes)).toStrictEqual({ before: 1, inner: samples[0], after: 2 });
      } catch (error) {
        expectRefused("an inner encoding", () => {
          throw error;
        });
      }
      expect(decode(codec, encode(codec, samples[1], w))).toStrictEqual(samples[1]);
    },
  },
];

function encodes(factory: CodecFactory, value: unknown): boolean {
  try {
    encode(create(factory), value);
    return true;
  } catch {
    return false;
  }
}

/** What every codec must do. */
export const codecCases: readonly ConformanceCase<CodecFactory>[] = [...values, ...places, ...hostileCases];
