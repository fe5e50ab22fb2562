import type { Metadata } from "@skein/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { NatsMessageHeaders } from "../nats-port.ts";
import { encodeValue, headerBytes, headersOf, readEvent } from "./event-message.ts";

const PAYLOAD = Buffer.from("{}");
const event = (metadata: Metadata = {}) => ({
  id: "e-1",
  publishedAt: 1_234_567_890_123,
  contentType: "application/json",
  metadata,
});

/** As the library reads what it has written: values without spaces around them. */
function received(headers: Iterable<readonly [string, string]>): NatsMessageHeaders {
  const all = new Map([...headers].map(([name, value]) => [name, value.trim()]));
  const lower = new Map([...all].map(([name, value]) => [name.toLowerCase(), value]));
  return {
    code: 0,
    description: "",
    get: (name) => lower.get(name.toLowerCase()) ?? "",
    names: () => [...all.keys()],
  };
}
const never = () => {
  throw new Error("not asked for");
};

test("metadata comes back as it was, whatever it holds", () => {
  const key = fc.oneof(
    fc.constantFrom("content-type", "nats-msg-id", "nats-ttl", "skein-published-at", "skein-meta-x"),
    fc.constantFrom("__proto__", "constructor", "traceparent"),
    fc.stringMatching(/^[a-z0-9_.-]{1,20}$/),
  );
  const value = fc
    .oneof(fc.string({ unit: "grapheme" }), fc.constantFrom(" x ", "UTF-8''%41", "%41", "", "Grüße 🐦"))
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is left out
    .filter((text) => !/[\x00-\x1f\x7f]/.test(text));
  fc.assert(
    fc.property(fc.array(fc.tuple(key, value)), (entries) => {
      const metadata: Metadata = Object.assign(Object.create(null), Object.fromEntries(entries));
      const headers = headersOf(event(metadata));
      for (const text of headers.values()) expect(text).toMatch(/^[\x20-\x7e]*$/);
      const read = readEvent("user", PAYLOAD, received(headers), never);
      expect({ ...read, payload: undefined }).toEqual({
        ...event(metadata),
        name: "user",
        payload: undefined,
      });
    }),
  );
});

test("what a Go program sees", () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  expect([...headersOf(event({ traceparent, tenant: "Grüße" }))]).toEqual([
    ["Nats-Msg-Id", "e-1"],
    ["Skein-Published-At", "1234567890123"],
    ["Content-Type", "application/json"],
    ["traceparent", traceparent],
    ["tenant", "UTF-8''Gr%C3%BC%C3%9Fe"],
  ]);
});

test("what the server reads is not for metadata to say", () => {
  const headers = headersOf(event({ "nats-rollup": "all", "nats-msg-id": "other" }));
  expect([...headers.keys()].filter((name) => /^nats-/i.test(name))).toEqual(["Nats-Msg-Id"]);
  expect(headers.get("Nats-Msg-Id")).toBe("e-1");
});

test.each([
  [{ a: "x\r\nNats-Rollup: all" }, 'the metadata "a" must have no line ends or other control characters'],
  [{ a: "x\n" }, 'the metadata "a" must have no line ends or other control characters'],
  [{ "a\r\nb": "x" }, 'the metadata key "a\\r\\nb" must be of a-z, 0-9, "_", "." and "-"'],
  [{ "a: b": "x" }, 'the metadata key "a: b" must be of a-z, 0-9, "_", "." and "-"'],
])("refused: %j", (metadata, message) => {
  expect(() => headersOf(event(metadata as unknown as Metadata))).toThrow(message);
});
test("ids and content types that no header can hold are refused", () => {
  expect(() => headersOf({ ...event(), id: "a\r\nb" })).toThrow('the id "a\\r\\nb" must be');
  expect(() => headersOf({ ...event(), contentType: "a\nb" })).toThrow('the content type "a\\nb" must be');
});

test("half a surrogate pair is no text, and no error", () => {
  expect(encodeValue("a\ud800")).toBe("UTF-8''a%EF%BF%BD");
});

test("an event from a stranger", () => {
  const unsaid = () => ({ id: "EVENTS-7", publishedAt: 5 });
  expect(readEvent("user", PAYLOAD, undefined, unsaid)).toEqual({
    name: "user",
    id: "EVENTS-7",
    publishedAt: 5,
    contentType: "application/json",
    metadata: Object.create(null),
    payload: PAYLOAD,
  });
  const headers = received([
    ["Nats-Msg-Id", "a b"],
    ["Skein-Published-At", "soon"],
    ["Content-Type", "text/ü"],
    ["Traceparent", "00-1-2-3"],
    ["X Y", "no key"],
    ["bell", "a\u0007"],
    ["torn", "UTF-8''%zz"],
  ]);
  const read = readEvent("user", PAYLOAD, headers, unsaid);
  expect({ ...read, metadata: { ...read.metadata } }).toMatchObject({
    id: "EVENTS-7",
    publishedAt: 5,
    contentType: "application/json",
    metadata: { traceparent: "00-1-2-3", torn: "UTF-8''%zz" },
  });
  expect(Object.keys(read.metadata)).toEqual(["traceparent", "torn"]);
});

test("the bytes of headers on the wire", () => {
  const headers = new Map([
    ["a", "b"],
    ["c", ""],
  ]);
  expect(headerBytes(headers)).toBe("NATS/1.0\r\na: b\r\nc: \r\n\r\n".length);
});
