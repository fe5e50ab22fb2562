import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BatchBuffer } from "./batch-buffer.ts";
import { FrameDecoder } from "./frame-decoder.ts";
import { matchPreface, PREFACE } from "./preface.ts";

const hex = (b: Uint8Array): string => Buffer.from(b).toString("hex");

/** A frame of so many bytes of body, header included in its length, padded. */
function frame(body: number, fill: number): Uint8Array {
  const length = 16 + body;
  const out = new Uint8Array((length + 7) & ~7);
  new DataView(out.buffer).setUint32(0, length, true);
  out.fill(fill, 16, length);
  return out;
}
function decode(chunks: readonly Uint8Array[], max = 1 << 20): string[] {
  const seen: string[] = [];
  const decoder = new FrameDecoder(max, { frame: (b, s, e) => void seen.push(hex(b.slice(s, e))) });
  for (const chunk of chunks) decoder.push(chunk, chunk.length);
  return seen;
}
const join = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

test("the same frames whatever the chunks: split at every byte", () => {
  const frames = [frame(0, 1), frame(5, 2), frame(8, 3), frame(200, 4), frame(1, 5)];
  const stream = join(frames);
  const whole = decode([stream]);
  expect(whole.length).toBe(5);
  for (let at = 1; at < stream.length; at++)
    expect(decode([stream.slice(0, at), stream.slice(at)])).toEqual(whole);
  expect(decode(Array.from(stream, (byte) => Uint8Array.of(byte)))).toEqual(whole);
});

test("the same frames whatever the chunks: at random, with empty chunks", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(300), { maxLength: 20 }),
      fc.array(fc.nat(90), { maxLength: 60 }),
      (bodies, cuts) => {
        const stream = join(bodies.map((n, i) => frame(n, i)));
        const chunks: Uint8Array[] = [];
        let at = 0;
        for (const cut of cuts) {
          chunks.push(stream.slice(at, at + cut));
          at += cut;
        }
        chunks.push(stream.slice(at));
        expect(decode(chunks)).toEqual(decode([stream]));
      },
    ),
  );
});

test.each([
  [0, "a frame of 0 bytes: at least 16"],
  [15, "a frame of 15 bytes: at least 16"],
  [1001, "a frame of 1001 bytes: at most 1000"],
  [0x7fffffff, "a frame of 2147483647 bytes: at most 1000"],
  [0xffffffff, "a frame of 4294967295 bytes: at most 1000"],
])("length %i is refused before anything is allocated", (length, message) => {
  const head = new Uint8Array(8);
  new DataView(head.buffer).setUint32(0, length, true);
  for (const chunks of [[head], [head.slice(0, 2), head.slice(2)], Array.from(head, (b) => Uint8Array.of(b))])
    expect(() => decode(chunks, 1000)).toThrow(message);
});

test("a million hostile bytes end in a ProtocolError or in frames, never otherwise", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 12 }), (chunks) => {
      try {
        decode(chunks, 4096);
      } catch (error) {
        expect((error as Error).name).toBe("ProtocolError");
      }
    }),
    { numRuns: 2000 },
  );
});

test("a sink that stops the decoder gets nothing more, of this chunk or the next", () => {
  const stream = join([frame(0, 1), frame(8, 2), frame(8, 3)]);
  for (const cut of [stream.length, 20, 41, 63]) {
    let seen = 0;
    const decoder = new FrameDecoder(1000, {
      frame: () => {
        if (++seen === 2) decoder.stop();
      },
    });
    decoder.push(stream.slice(0, cut));
    decoder.push(stream.slice(cut));
    expect(seen).toBe(2);
    expect(decoder.partial).toBe(0);
  }
});

test("partial and begun tell whether the same frame is still awaited", () => {
  const decoder = new FrameDecoder(1000, { frame: () => {} });
  const one = frame(100, 1);
  decoder.push(one.slice(0, 3));
  expect([decoder.partial, decoder.begun]).toEqual([3, 1]);
  decoder.push(one.slice(3, 50));
  expect([decoder.partial, decoder.begun]).toEqual([50, 1]);
  decoder.push(join([one.slice(50), one, one.slice(0, 9)]));
  expect([decoder.partial, decoder.begun]).toEqual([9, 2]);
});

test("padding may hold anything; the frame is the same", () => {
  const one = frame(3, 7);
  const dirty = one.slice();
  dirty.fill(0xaa, 19);
  expect(decode([dirty, dirty])).toEqual(decode([one, one]));
});

describe("batch buffer", () => {
  function rim(empty = true) {
    const written: string[] = [];
    const views: Uint8Array[] = [];
    const later: (() => void)[] = [];
    const state = { empty };
    const buffer = new BatchBuffer({
      allocate: (n) => new Uint8Array(n).fill(0xee),
      write: (b) => {
        written.push(hex(b));
        views.push(b);
      },
      isEmpty: () => state.empty,
      defer: (fn) => void later.push(fn),
    });
    const put = (bytes: Uint8Array, tail?: Uint8Array): void => {
      buffer.reserve(bytes.length + 16);
      buffer.bytes.set(bytes, buffer.position);
      buffer.position += bytes.length;
      if (tail === undefined) buffer.commit();
      else buffer.commitWith(tail);
    };
    return { buffer, written, views, later, state, put };
  }

  test("one write a tick, padded with zeroes", () => {
    const w = rim();
    w.put(Uint8Array.of(1, 2, 3));
    w.put(Uint8Array.of(4));
    expect(w.written).toEqual([]);
    expect(w.later.length).toBe(1);
    w.later[0]?.();
    expect(w.written).toEqual(["01020300000000000400000000000000"]);
  });

  test("at once when 4 KB wait", () => {
    const w = rim();
    w.put(new Uint8Array(2000));
    expect(w.written.length).toBe(0);
    w.put(new Uint8Array(2100));
    expect(w.written.length).toBe(1);
  });

  test("a frame that was begun and not committed is dropped", () => {
    const w = rim();
    w.buffer.reserve(100);
    w.buffer.bytes.fill(9, w.buffer.position, w.buffer.position + 50);
    w.buffer.position += 50;
    w.put(Uint8Array.of(7));
    w.buffer.flush();
    expect(w.written).toEqual(["0700000000000000"]);
  });

  test("a tail goes out uncopied, behind its head, and the padding follows", () => {
    const w = rim();
    w.put(Uint8Array.of(1));
    w.put(new Uint8Array(16).fill(2), Uint8Array.of(3, 3, 3));
    expect(w.written.join("")).toBe(`0100000000000000${"02".repeat(16)}0303030000000000`);
    w.put(Uint8Array.of(4));
    w.buffer.flush();
    expect(w.written.at(-1)).toBe("0400000000000000");
  });

  test("memory that the system still holds is not written to", () => {
    const w = rim(false);
    const seen = new Set<ArrayBufferLike>();
    for (let i = 0; i < 2000; i++) {
      w.put(new Uint8Array(5000).fill(i));
      seen.add(w.buffer.bytes.buffer);
    }
    expect(seen.size).toBeGreaterThan(5);
    // What was handed to the system says the same now as then.
    expect(w.views.every((bytes, i) => hex(bytes) === w.written[i])).toBe(true);
    expect(w.written.length).toBe(2000);
  });

  test("what goes in comes out, in any mixture", () => {
    const action = fc.oneof(
      fc.record({
        size: fc.integer({ min: 0, max: 9000 }),
        tail: fc.option(fc.nat(9000), { nil: undefined }),
      }),
      fc.constantFrom("flush" as const, "busy" as const, "idle" as const),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const w = rim();
        const sizes: number[] = [];
        for (const a of actions) {
          if (a === "flush") w.buffer.flush();
          else if (typeof a === "string") w.state.empty = a === "idle";
          else {
            const length = 16 + a.size + (a.tail ?? 0);
            const head = new Uint8Array(16 + a.size).fill(sizes.length);
            new DataView(head.buffer).setUint32(0, length, true);
            w.put(head, a.tail === undefined ? undefined : new Uint8Array(a.tail).fill(sizes.length));
            sizes.push(length);
          }
        }
        w.buffer.flush();
        const stream = new Uint8Array(Buffer.from(w.written.join(""), "hex"));
        const frames = decode([stream]);
        expect(frames.map((f) => f.length / 2)).toEqual(sizes);
        frames.forEach((f, i) => {
          expect(f.slice(32).replaceAll(i.toString(16).padStart(2, "0"), "")).toBe("");
        });
      }),
    );
  });
});

test("the preface is told apart as early as can be", () => {
  expect(matchPreface(PREFACE)).toBe("yes");
  expect(matchPreface(PREFACE.subarray(0, 3))).toBe("more");
  expect(matchPreface(new TextEncoder().encode("GET / HTTP"))).toBe("no");
  expect(matchPreface(Uint8Array.of(0xf5, 0x53, 0x4b, 0x45, 0x49, 0x4e, 0x0a))).toBe("no");
});
