import { sampleInstance } from "@skein/conformance";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeSaying, encodeSaying } from "./registry-message.ts";

const all = Array.from({ length: 500 }, (_, n) => ({
  instance: sampleInstance("user", { metadata: { größe: "😀\n".repeat(n % 7) } }),
  written: n,
}));
const head = { lease: "l-1", ttlMs: 3000, leftMs: 2000 };
const gone = [{ service: "user", id: "a", written: 7 }];
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

test("what is said comes back, in messages of a size", () => {
  const messages = encodeSaying({ ...head, there: all, gone }, 8000);
  expect(messages.length).toBeGreaterThan(10);
  expect(Math.max(...messages.map((m) => m.length))).toBeLessThanOrEqual(8000);
  const heard = messages.map((m) => decodeSaying(m, "user"));
  expect(heard.flatMap((h) => h.there)).toEqual(all);
  expect(heard.flatMap((h) => h.gone)).toEqual(gone);
  for (const h of heard) expect(h).toMatchObject({ ...head, skipped: new Map() });
});

test("no message is longer than the most, whatever it is, and none that would fit is broken in two", () => {
  for (let count = 2; count <= 50; count++) {
    const there = all.slice(0, count);
    const [whole] = encodeSaying({ ...head, there, gone: [] }, 1e6) as [Uint8Array];
    const longest = Math.max(
      ...there.map((r) => encodeSaying({ ...head, there: [r], gone: [] })[0]?.length ?? 0),
    );
    const step = Math.ceil((whole.length - longest) / 23);
    for (let most = longest; most <= whole.length; most += step) {
      const messages = encodeSaying({ ...head, there, gone: [] }, most);
      expect(Math.max(...messages.map((m) => m.length))).toBeLessThanOrEqual(most);
    }
    const pieces = [0, 1].map(
      (less) => encodeSaying({ ...head, there, gone: [] }, whole.length - less).length,
    );
    expect(pieces).toEqual([1, 2]);
  }
});

test("an instance that says the same as before is the same object", () => {
  const [record] = all as [(typeof all)[number]];
  const [bytes] = encodeSaying({ ...head, there: [record], gone: [] }) as [Uint8Array];
  const heard = decodeSaying(bytes, "user", () => record.instance);
  expect(heard.there[0]?.instance).toBe(record.instance);
});

test("nobody is there for longer than the TTL", () => {
  const heard = decodeSaying(utf8(JSON.stringify({ ...head, leftMs: 60_000 })), "user");
  expect(heard).toMatchObject({ leftMs: 3000 });
});

test("one bad record among good ones is skipped, also one of another service", () => {
  const [good] = all as [(typeof all)[number]];
  const other = { instance: sampleInstance("user-admin"), written: 1 };
  const odd = [null, 1, {}, { instance: {}, written: 1 }, { ...good, written: -1 }, other];
  const text = JSON.stringify({ ...head, there: [...odd, good], gone: [{}, ...gone] });
  const heard = decodeSaying(utf8(text), "user");
  expect([heard.there, heard.gone]).toEqual([[good], gone]);
  expect(heard.skipped.size).toBe(odd.length);
  expect(decodeSaying(utf8(text), undefined).there).toEqual([other, good]);
});

test.each([
  "",
  "torn{",
  "[]",
  "null",
  "{}",
  JSON.stringify({ ...head, lease: "a b\r\n" }),
  JSON.stringify({ ...head, lease: 7 }),
  JSON.stringify({ ...head, ttlMs: 1e12 }),
  JSON.stringify({ ...head, ttlMs: -1 }),
  JSON.stringify({ ...head, leftMs: "1" }),
  JSON.stringify({ ...head, there: {} }),
  JSON.stringify({ ...head, there: Array.from({ length: 1001 }, () => 1) }),
])("%s is skipped as a whole", (text) => {
  const heard = decodeSaying(utf8(text), "user");
  expect([heard.there, heard.gone, heard.skipped.size]).toEqual([[], [], 1]);
});

test("bytes that are no text, and any others, never throw", () => {
  expect(decodeSaying(new Uint8Array([0xff, 0xfe]), "user").skipped.size).toBe(1);
  const saying = fc.record({
    lease: fc.constant("a"),
    ttlMs: fc.constant(1),
    leftMs: fc.constant(1),
    there: fc.array(fc.oneof(fc.jsonValue(), fc.record({ instance: fc.jsonValue(), written: fc.nat() }))),
    gone: fc.array(fc.jsonValue()),
  });
  const json = fc.oneof(fc.jsonValue(), saying).map((v) => utf8(JSON.stringify(v)));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), json), (bytes) => {
      const { there, gone: left } = decodeSaying(bytes, "user");
      expect(there).toEqual([]);
      for (const one of left) expect(one.service).toBe("user");
    }),
  );
  expect(({} as { x?: unknown }).x).toBeUndefined();
});
