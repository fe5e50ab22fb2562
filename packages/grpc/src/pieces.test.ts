import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { guessedFormat, jsonFormat } from "./format.ts";
import type { Call } from "./handler.ts";
import { healthHandlers } from "./health.ts";
import { HealthState } from "./health-state.ts";
import { matchHttp2 } from "./match.ts";
import { frame, readMessages } from "./messages.ts";
import { protoMethodName, protoServiceName } from "./proto-names.ts";
import { parseTimeout } from "./timeout.ts";
import { decodeValue, encodeValue } from "./value.ts";

describe("the first bytes of HTTP/2", () => {
  test.each([
    ["", "more"],
    ["PRI", "more"],
    ["PRI * HTTP/2.0", "yes"],
    ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "yes"],
    ["PRIX", "no"],
    ["PUT / HTTP/1.1", "no"],
    ["{", "no"],
  ])("%j: %s", (text, match) => expect(matchHttp2(Buffer.from(text))).toBe(match));
});

describe("grpc-timeout", () => {
  test.each([
    [undefined, undefined],
    ["1n", 1],
    ["1500u", 2],
    ["250m", 250],
    ["2S", 2000],
    ["3M", 180_000],
    ["99999999H", 2 ** 31 - 1],
  ])("%s is %s ms", (text, ms) => expect(parseTimeout(text)).toBe(ms));
  test.each(["", "1", "1s", "-1S", "123456789S", "1.5S"])("%j is refused", (text) =>
    expect(() => parseTimeout(text)).toThrow(`grpc-timeout is ${JSON.stringify(text)}: give up to 8 digits`),
  );
});

test("who watches health misses no change that comes while the one before is sent", async () => {
  let ok = true;
  let changed = (): void => {};
  const state = new HealthState({
    live: () => true,
    ready: async () => ({ ok, checks: {} }),
    onChange(told) {
      changed = told;
      return () => {};
    },
  });
  state.start();
  const closing = new AbortController();
  const handlers = healthHandlers({ state, known: () => true, names: () => [], closing: closing.signal });
  const watch = handlers.get("/grpc.health.v1.Health/Watch");
  const { signal } = new AbortController();
  const items = watch?.run({ service: "" }, { signal } as Call) as AsyncGenerator<unknown>;
  expect((await items.next()).value).toEqual({ status: "SERVING" });
  ok = false;
  changed();
  await state.look();
  expect((await items.next()).value).toEqual({ status: "NOT_SERVING" });
  closing.abort();
  await expect(items.next()).rejects.toMatchObject({ code: "UNAVAILABLE" });
});

describe("hostile JSON is refused before anything is made of it", () => {
  const decode = (json: string): unknown => jsonFormat.decode(Buffer.from(json));
  test.each([
    [
      "deep",
      `${"[".repeat(1_000_000)}${"]".repeat(1_000_000)}`,
      "the JSON of a message: nested deeper than 64",
    ],
    ["of many values", `[${"[],".repeat(500_000)}[]]`, "the JSON of a message: more than 500000 values"],
    ["deep, with a key that is refused", `${"[".repeat(100_000)}{"__proto__":1}`, "nested deeper than 64"],
    ["with that key", '[{"\\u005f_proto__":1}]', 'a message has the key "__proto__"'],
  ])("%s", (_, json, message) =>
    expect(() => decode(json)).toThrow(
      expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringContaining(message) }),
    ),
  );
  test("what has the depth of our own codec is taken", () =>
    expect(decode(`${"[".repeat(64)}${"]".repeat(64)}`)).toHaveLength(1));
});

const values = [
  null,
  true,
  false,
  0,
  -1.5,
  2e9,
  "",
  "ü",
  [],
  {},
  [1, [2, [null]]],
  { a: { "": [true] }, "2": 2 },
];

describe("google.protobuf.Value", () => {
  test.each(values.map((value) => [value]))("there and back: %j", (value) => {
    expect(decodeValue(encodeValue(value))).toEqual(value);
  });

  test("says what JSON can say of the rest", () => {
    const rest = {
      at: new Date(0),
      big: 2n ** 64n,
      bytes: new Uint8Array([1, 2]),
      no: undefined,
      set: new Set([1]),
    };
    expect(decodeValue(encodeValue(rest))).toEqual({
      at: "1970-01-01T00:00:00.000Z",
      big: "18446744073709551616",
      bytes: "AQI=",
      set: [1],
    });
    expect(decodeValue(encodeValue(undefined))).toBe(null);
    expect(decodeValue(new Uint8Array(0))).toBe(undefined);
  });

  test("a key that is __proto__ pollutes nothing", () => {
    const key = encodeValue(JSON.parse('{"__proto__": {"x": 1}}'));
    const decoded = decodeValue(key) as { readonly x?: number };
    expect(decoded.x).toBe(undefined);
    expect(Object.keys(decoded)).toEqual(["__proto__"]);
  });

  test("cut anywhere, and hostile: a RangeError, or another value", () => {
    const whole = encodeValue({ name: ["x", 1, true, null, { deep: "er" }] });
    for (let length = 1; length < whole.length; length++)
      expect(() => decodeValue(whole.subarray(0, length))).toThrow(RangeError);
    let deep: Buffer = encodeValue(null);
    for (let n = 0; n < 70; n++)
      deep = Buffer.concat([Buffer.from([0x32]), varint(deep), Buffer.from([0x0a]), deep]);
    expect(() => decodeValue(deep)).toThrow(RangeError);
    for (const bytes of [[0x0a, 0], [0x2a, 0xff, 0xff, 0xff, 0xff, 0x7f], [0x13], [0], [0x3a, 0]])
      expect(() => decodeValue(Uint8Array.from(bytes))).toThrow(RangeError);
  });
});

function varint(inner: Uint8Array): Buffer {
  const length = inner.length + 2;
  return length < 128 ? Buffer.from([length]) : Buffer.from([(length % 128) | 128, Math.floor(length / 128)]);
}

describe("application/grpc without a .proto", () => {
  test.each(values.map((value) => [value]))("%j is known for what it is, as JSON and as a Value", (value) => {
    for (const spaces of [undefined, 2]) {
      const format = guessedFormat("application/grpc");
      expect(format.decode(Buffer.from(JSON.stringify(value, null, spaces)))).toEqual(value);
      expect(Buffer.from(format.encode(value)).toString()).toBe(JSON.stringify(value));
    }
    const format = guessedFormat("application/grpc");
    expect(format.decode(encodeValue(value))).toEqual(value);
    expect(format.encode(value)).toEqual(encodeValue(value));
  });

  test.each([" true", "2", "20", "2.5e3", "\n[1]"])("%j is JSON", (text) => {
    expect(guessedFormat("").decode(Buffer.from(text))).toEqual(JSON.parse(text));
  });

  test("what is neither says so", () => {
    expect(() => guessedFormat("").decode(Buffer.from("\x7f"))).toThrow("a message is no JSON");
    expect(() => guessedFormat("").decode(Buffer.from([0x2a, 9]))).toThrow(
      "neither JSON nor a google.protobuf.Value",
    );
  });
});

test("messages are found however the bytes are cut", async () => {
  const messages = ["", "a", "x".repeat(300)];
  const limit = { maxBytes: 300, option: "an option" };
  const bytes = Buffer.concat(messages.map((text) => frame(Buffer.from(text))));
  for (const size of [1, 2, 7, 100, bytes.length]) {
    const chunks: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
    const read: string[] = [];
    for await (const message of readMessages(Readable.from(chunks), undefined, limit))
      read.push(Buffer.from(message).toString());
    expect(read).toEqual(messages);
  }
});

test("names for protobuf", () => {
  expect(["user", "order-item", "billing.invoice", "2fa", "a-b.c_d"].map(protoServiceName)).toEqual([
    "user.User",
    "order_item.OrderItem",
    "billing.Invoice",
    "_2fa._2fa",
    "a_b.CD",
  ]);
  expect(["getUser", "Get", "a-b"].map(protoMethodName)).toEqual(["GetUser", "Get", undefined]);
});
