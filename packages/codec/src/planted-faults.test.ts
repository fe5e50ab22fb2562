import { codecCases } from "@skein/conformance";
import { type Codec, CodecError, type CodecFactory, DEFAULT_DECODE_LIMITS } from "@skein/core";
import { Packr } from "msgpackr";
import { expect, test } from "vitest";
import { json } from "./json.ts";
import { msgpack } from "./msgpack.ts";

/** The suite must see each of these: a case that passes a broken codec is worth nothing. */
async function fails(name: string, factory: CodecFactory): Promise<boolean> {
  const found = codecCases.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no such case: ${name}`);
  try {
    await found.run(factory);
    return false;
  } catch {
    return true;
  }
}
const faulty = (change: (good: Codec) => Partial<Codec>, base = msgpack): CodecFactory => ({
  contentType: base.contentType,
  create(limits) {
    const good = base.create(limits);
    return {
      contentType: good.contentType,
      encodeInto: good.encodeInto,
      decode: good.decode,
      ...change(good),
    };
  },
});
const bare = new Packr({ useRecords: false });

const FAULTS: readonly [string, CodecFactory, string][] = [
  [
    "decoding bytes as views",
    faulty((good) => ({
      decode(bytes, start, end) {
        const value = good.decode(bytes, start, end) as { raw: Uint8Array };
        return { raw: bytes.subarray(end - value.raw.length, end) };
      },
    })),
    "bytes decoded are a copy",
  ],
  [
    "no limit on depth",
    faulty(() => msgpack.create({ ...DEFAULT_DECODE_LIMITS, maxDepth: 10_000 })),
    "depth: as deep as the limit, not a level deeper",
  ],
  [
    "no limit on values",
    faulty(() => msgpack.create({ ...DEFAULT_DECODE_LIMITS, maxValues: 1e9 })),
    "values: about as many as the limit, not twice as many; keys do not count",
  ],
  [
    "bytes behind the value ignored",
    faulty((good) => ({
      decode(bytes, start, end) {
        for (let to = end; to > start; to--) {
          try {
            return good.decode(bytes, start, to);
          } catch (error) {
            if (to === start + 1) throw error;
          }
        }
        throw new CodecError("msgpack: cut short");
      },
    })),
    "cut at every byte, and with a byte too many: refused",
  ],
  [
    "errors that are no CodecError",
    faulty(
      () => ({ decode: (bytes, start, end) => JSON.parse(Buffer.from(bytes).toString("utf8", start, end)) }),
      json,
    ),
    "random bytes are a value or a CodecError",
  ],
  [
    "__proto__ set on an object",
    faulty(
      (good) => ({
        decode(bytes, start, end) {
          const text = Buffer.from(bytes).toString("utf8", start, end);
          if (!text.includes("__proto__")) return good.decode(bytes, start, end);
          return JSON.parse(text, function (this: object, key, value: object) {
            if (key === "__proto__") Object.setPrototypeOf(this, value);
            return key === "__proto__" ? undefined : value;
          });
        },
      }),
      json,
    ),
    "the key __proto__ does no harm",
  ],
  [
    "memory that was never written",
    faulty(() => ({
      encodeInto(value, w) {
        bare.useBuffer(w.bytes as Buffer);
        (bare as Packr & { position: number }).position = w.position;
        const out = bare.pack(value, 512) as Buffer & { end: number };
        w.position = out.end;
        return undefined;
      },
    })),
    "the same value becomes the same bytes, whatever stood in the buffer",
  ],
  [
    "one buffer for all that does not fit",
    faulty((good) => {
      const shared = Buffer.alloc(1 << 20);
      return {
        encodeInto(value, w) {
          const tail = good.encodeInto(value, w);
          if (tail === undefined) return undefined;
          shared.set(tail);
          return shared.subarray(0, tail.length);
        },
      };
    }),
    "a value that does not fit comes back in a buffer of its own, and stays as it is",
  ],
  [
    "state from one message to the next",
    faulty((good) => {
      let messages = 0;
      return {
        decode(bytes, start, end) {
          const value = good.decode(bytes, start, end);
          return ++messages > 3 ? null : value;
        },
      };
    }),
    "no state: any instance decodes what any other encoded, in any order",
  ],
];

test.each(FAULTS)("%s: seen", async (_what, factory, name) => {
  expect(await fails(name, factory)).toBe(true);
});

test("and the codec as it is passes each of those", async () => {
  for (const [, , name] of FAULTS) expect([name, await fails(name, msgpack)]).toEqual([name, false]);
});
