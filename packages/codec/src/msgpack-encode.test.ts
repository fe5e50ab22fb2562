import { CodecError, DEFAULT_DECODE_LIMITS, type Writer } from "@skein/core";
import { Packr, unpack } from "msgpackr";
import { beforeEach, describe, expect, test } from "vitest";
import { msgpack } from "./msgpack.ts";

const codec = msgpack.create(DEFAULT_DECODE_LIMITS);
const POISON = 0xaa;
const ROOM = 64 * 1024;

function poisoned(size = ROOM): Writer {
  const bytes = Buffer.alloc(size, POISON);
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), position: 0 };
}
function encoded(value: unknown, w = poisoned()): Buffer {
  const start = w.position;
  const tail = codec.encodeInto(value, w);
  return Buffer.from(tail ?? w.bytes.subarray(start, w.position));
}
const roundTrip = (value: unknown): unknown => {
  const bytes = encoded(value);
  return codec.decode(bytes, 0, bytes.length);
};
const hex = (value: unknown): string => encoded(value).toString("hex");

test.each([
  [null, "c0"],
  [{ id: "42" }, "81a26964a23432"],
  [-0, "00"],
  [2 ** 40, "cb4270000000000000"],
  [5n, "d30000000000000005"],
  [Buffer.of(1, 2), "c4020102"],
  [new Date(1000), "d6ff00000001"],
  [[undefined], "91d40000"],
])("%o is %s", (value, expected) => {
  expect(hex(value)).toBe(expected);
});

describe("what cannot travel is named", () => {
  class Order {
    lines = [{ made: new Map([["a", 1]]) }];
  }
  const cycle: { list: unknown[] } = { list: [1] };
  cycle.list.push(cycle);
  test.each<[unknown, string]>([
    [new Order(), "lines[0].made is a Map: send Object.fromEntries(map), or an array of its entries"],
    [{ tags: new Set(["a"]) }, "tags is a Set: send an array"],
    [{ cause: [new TypeError("x")] }, "cause[0] is an Error: send its message, or throw it"],
    [{ a: /x/ }, "a is a RegExp: send its source"],
    [{ a: { done: () => 1 } }, "a.done is a function"],
    [() => 1, "the value is a function"],
    [{ a: Symbol("s") }, "a is a symbol"],
    [[2n ** 64n], "[0] is a bigint of more than 64 bits"],
    [{ a: -(2n ** 63n) - 1n }, "a is a bigint of more than 64 bits"],
    [{ at: new Date(Number.NaN) }, "at is an invalid Date"],
    [{ raw: new ArrayBuffer(8) }, "raw is memory without a type: send a Uint8Array of it"],
    [{ raw: new DataView(new ArrayBuffer(8)) }, "raw is memory without a type: send a Uint8Array of it"],
    [{ raw: new (class Own extends Uint8Array {})(3) }, "raw is a Own: send a Uint8Array of it"],
    [cycle, "list[1] refers to what it is part of"],
  ])("%o", (value, message) => {
    const w = poisoned();
    w.position = 8;
    expect(() => codec.encodeInto(value, w)).toThrow(new CodecError(`msgpack: ${message}`));
    expect(w.position).toBe(8);
    expect(roundTrip({ still: "works" })).toStrictEqual({ still: "works" });
  });
  test("what a getter throws is the cause", () => {
    const cause = new Error("no price");
    const value = {
      get price(): number {
        throw cause;
      },
    };
    expect(() => encoded(value)).toThrow("msgpack: no price");
    try {
      encoded(value);
    } catch (error) {
      expect((error as Error).cause).toBe(cause);
    }
  });
});

test("typed arrays carry their memory, never what stood in the buffer", () => {
  const value = {
    floats: new Float32Array(64).fill(0.5),
    views: new Uint16Array(new Uint16Array([1, 2, 3, 4]).buffer, 2, 2),
    bytes: new Uint8Array(200),
  };
  const bytes = encoded(value);
  expect(bytes.includes(Buffer.alloc(3, POISON))).toBe(false);
  expect(codec.decode(bytes, 0, bytes.length)).toStrictEqual(value);
});

test("no byte of any message is one that was there before", () => {
  const value = {
    s: "é".repeat(50),
    n: [1.5, 2 ** 40, 300, -5],
    o: { a: { b: new Date(1) } },
    x: "y".repeat(300),
  };
  const clean = { ...poisoned(), bytes: Buffer.alloc(ROOM, 0x55) };
  clean.view = new DataView(clean.bytes.buffer, clean.bytes.byteOffset, ROOM);
  expect(encoded(value)).toStrictEqual(encoded(value, clean));
});

test("more than 65,535 members", () => {
  const value = Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [`k${i}`, 1]));
  expect(Object.keys(roundTrip(value) as object).length).toBe(70_000);
});

describe("others that use msgpackr in the process", () => {
  const foreign = new Packr({ useRecords: false });
  /** Each begins as if nobody had packed, or somebody had. */
  beforeEach(() => void encoded(1));

  test("never write into the batch buffer", () => {
    const w = poisoned();
    codec.encodeInto({ mine: 1 }, w);
    const { position } = w;
    const theirs = [foreign.pack({ theirs: "x".repeat(100) }), foreign.pack([1, 2, 3])];
    expect([...new Set(w.bytes.subarray(position))]).toEqual([POISON]);
    codec.encodeInto({ mine: 2 }, w);
    expect(theirs.map((bytes) => unpack(bytes))).toEqual([{ theirs: "x".repeat(100) }, [1, 2, 3]]);
    expect(codec.decode(w.bytes, 0, position)).toEqual({ mine: 1 });
  });

  test("find their own buffer as they left it", () => {
    const theirs = Buffer.alloc(ROOM, 0x77);
    foreign.useBuffer(theirs);
    const first = foreign.pack({ theirs: 1 });
    const before = Buffer.from(theirs);
    for (let i = 0; i < 50; i++)
      expect(roundTrip({ mine: i, text: "x".repeat(i * 100) })).toHaveProperty("mine", i);
    expect(theirs.equals(before)).toBe(true);
    expect(unpack(first)).toEqual({ theirs: 1 });
  });

  test.each([0, 100])("may be in the middle of a value when we are called (%i bytes into it)", (lead) => {
    const ours: unknown[] = [];
    class Calls {
      toJSON(): unknown {
        ours.push(roundTrip({ mine: "x".repeat(50), list: [1, 2, 3] }), roundTrip("y".repeat(20_000)));
        expect(() => encoded(new Set())).toThrow(CodecError);
        return { inner: "z".repeat(40) };
      }
    }
    const value =
      lead === 0 ? new Calls() : { lead: "l".repeat(lead), calls: new Calls(), after: "a".repeat(9000) };
    const packed = unpack(foreign.pack(value)) as { after?: string; inner?: string; calls?: object };
    expect(ours).toEqual([{ mine: "x".repeat(50), list: [1, 2, 3] }, "y".repeat(20_000)]);
    if (lead === 0) expect(packed).toEqual({ inner: "z".repeat(40) });
    else
      expect(packed).toEqual({
        lead: "l".repeat(lead),
        calls: { inner: "z".repeat(40) },
        after: "a".repeat(9000),
      });
    expect(roundTrip({ after: 1 })).toEqual({ after: 1 });
  });

  test("may be called while we encode", () => {
    class Calls {
      toJSON(): unknown {
        return unpack(foreign.pack({ inner: "x".repeat(3000) }));
      }
    }
    expect(roundTrip({ before: 1, calls: new Calls(), after: 2 })).toEqual({
      before: 1,
      calls: { inner: "x".repeat(3000) },
      after: 2,
    });
  });
});

test("encoding while encoding is refused, and harms nobody", () => {
  let inner: unknown;
  class Sneaky {
    toJSON(): unknown {
      try {
        return encoded({ inner: 1 });
      } catch (error) {
        inner = error;
        return "refused";
      }
    }
  }
  expect(roundTrip({ a: 1, s: new Sneaky(), b: 2 })).toEqual({ a: 1, s: "refused", b: 2 });
  expect(inner).toEqual(
    new CodecError("msgpack: a value encodes another while it is encoded (in a getter or toJSON?)"),
  );
});

test("what does not fit is apart; what fits at the very end of the buffer is in it", () => {
  const w = poisoned(8192);
  w.position = 4096;
  expect(codec.encodeInto("x".repeat(1000), w)).toBeUndefined();
  expect(w.position).toBe(4096 + 1003);
  w.position = 4096;
  const tail = codec.encodeInto("x".repeat(5000), w) as Buffer;
  expect(tail.buffer).not.toBe(w.bytes.buffer);
  expect(codec.decode(tail, 0, tail.length)).toBe("x".repeat(5000));
  expect(w.position).toBe(4096);
});
