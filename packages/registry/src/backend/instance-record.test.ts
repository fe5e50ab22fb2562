import type { Instance } from "@skein/core";
import { createFakeRuntime } from "@skein/core/testing";
import { expect, test } from "vitest";
import { instanceFrom, isMetadata, parseInstance } from "./instance-record.ts";

const SOUND = {
  service: "user",
  version: "1.0.0",
  id: "i-1",
  addresses: [{ protocol: "skein", url: "tcp://10.0.0.1:80" }],
  zone: "a",
  weight: 1,
  status: "serving",
  startedAt: "2026-01-01T00:00:00.000Z",
  metadata: { größe: "ünï" },
};

test("a sound record is an instance; fields that are not known are left out", () => {
  const json = JSON.stringify({ ...SOUND, extra: 1, addresses: [{ ...SOUND.addresses[0], extra: 1 }] });
  expect(parseInstance(json)).toEqual(SOUND);
  const { zone: _, ...bare } = SOUND;
  expect(instanceFrom(bare)).toEqual(bare);
  expect(instanceFrom(bare)).not.toHaveProperty("zone");
  expect(instanceFrom({ ...SOUND, addresses: [], metadata: {}, weight: 0 })).toBeDefined();
});

test("nothing of the record is shared with what was read", () => {
  const made = instanceFrom(SOUND);
  expect(made?.metadata).not.toBe(SOUND.metadata);
  expect(made?.addresses).not.toBe(SOUND.addresses);
});

test("a record that says what is known is what is known; any other is read", () => {
  const known = instanceFrom(SOUND) as Instance;
  const [address] = SOUND.addresses;
  expect(instanceFrom({ ...SOUND, extra: 1 }, known)).toBe(known);
  const others: readonly object[] = [
    { service: "users" },
    { version: "2.0.0" },
    { id: "i-2" },
    { addresses: [] },
    { addresses: [address, address] },
    { addresses: [{ ...address, url: "tcp://10.0.0.2:80" }] },
    { addresses: [{ ...address, protocol: "http" }] },
    { addresses: ["tcp://10.0.0.1:80"] },
    { addresses: [null] },
    { addresses: "tcp://10.0.0.1:80" },
    { zone: undefined },
    { zone: "b" },
    { weight: 2 },
    { status: "draining" },
    { startedAt: "2026-01-01T00:00:00.001Z" },
    { metadata: {} },
    { metadata: { größe: "unü" } },
    { metadata: { größe: "ünï", more: "" } },
    { metadata: JSON.parse('{"__proto__":"ünï"}') },
    { metadata: null },
  ];
  for (const given of others) {
    const record = { ...SOUND, ...given };
    expect(instanceFrom(record, known), JSON.stringify(given)).not.toBe(known);
    expect(instanceFrom(record, known), JSON.stringify(given)).toEqual(instanceFrom(record));
  }
});

test.each<[string, unknown]>([
  ["no object", "user"],
  ["null", null],
  ["a list", [SOUND]],
  ["no service", { ...SOUND, service: undefined }],
  ["a service that is no name", { ...SOUND, service: "../etc" }],
  ["a version that is none", { ...SOUND, version: "1/2" }],
  ["a version that is a number", { ...SOUND, version: 1 }],
  ["an empty id", { ...SOUND, id: "" }],
  ["an id with a slash", { ...SOUND, id: "a/b" }],
  ["a long id", { ...SOUND, id: "x".repeat(129) }],
  ["addresses that are no list", { ...SOUND, addresses: { length: 0 } }],
  ["an address that is a text", { ...SOUND, addresses: ["tcp://10.0.0.1:80"] }],
  ["an address without a protocol", { ...SOUND, addresses: [{ url: "tcp://10.0.0.1:80" }] }],
  ["an address that is too long", { ...SOUND, addresses: [{ protocol: "skein", url: "x".repeat(1025) }] }],
  ["a zone that is a number", { ...SOUND, zone: 1 }],
  ["a zone that is null", { ...SOUND, zone: null }],
  ["a negative weight", { ...SOUND, weight: -1 }],
  ["a weight that is a text", { ...SOUND, weight: "1" }],
  ["a weight that is none", { ...SOUND, weight: Number.NaN }],
  ["a status of its own", { ...SOUND, status: "up" }],
  ["no time", { ...SOUND, startedAt: 0 }],
  ["a time that is too long", { ...SOUND, startedAt: "x".repeat(1025) }],
  ["no metadata", { ...SOUND, metadata: undefined }],
  ["metadata that is a list", { ...SOUND, metadata: ["a"] }],
  ["metadata that is no text", { ...SOUND, metadata: { a: 1 } }],
  ["metadata that is too long", { ...SOUND, metadata: { a: "x".repeat(9000) } }],
])("%s is none", (_, record) => {
  expect(instanceFrom(record)).toBeUndefined();
  if (record !== undefined) expect(parseInstance(JSON.stringify(record))).toBeUndefined();
});

test("__proto__ changes nothing, wherever it is", () => {
  const json = JSON.stringify(SOUND);
  const polluted = `{"__proto__":{"polluted":"yes","zone":"evil"},${json.slice(1)}`;
  const made = parseInstance(polluted);
  expect(made).toEqual(SOUND);
  expect(Object.getPrototypeOf(made)).toBe(Object.prototype);
  for (const metadata of [
    '{"__proto__":"x"}',
    '{"__proto__":{"polluted":"yes"}}',
    '{"a":"b","__proto__":"x"}',
  ]) {
    expect(parseInstance(json.replace('{"größe":"ünï"}', metadata))).toBeUndefined();
    expect(isMetadata(JSON.parse(metadata))).toBe(false);
  }
  const inherited = parseInstance('{"__proto__":'.concat(json, "}"));
  expect(inherited).toBeUndefined();
  const odd = parseInstance(
    json.replace('{"größe":"ünï"}', '{"constructor":"x","prototype":"y","toString":"z"}'),
  );
  expect(odd?.metadata).toEqual({ constructor: "x", prototype: "y", toString: "z" });
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
});

test("whatever the text, an instance or none", () => {
  const runtime = createFakeRuntime(5);
  const json = JSON.stringify(SOUND);
  let sound = 0;
  for (let n = 0; n < 20_000; n++) {
    const chars = [...json];
    for (let m = Math.floor(runtime.random() * 3); m >= 0; m--)
      chars[Math.floor(runtime.random() * chars.length)] = String.fromCharCode(
        Math.floor(runtime.random() * 128),
      );
    const made = parseInstance(chars.join(""));
    if (made === undefined) continue;
    sound++;
    expect(instanceFrom(made)).toEqual(made);
    expect(Object.keys(made).every((key) => key in SOUND)).toBe(true);
  }
  expect(sound).toBeGreaterThan(1000);
  for (const text of ["", "{", "[".repeat(100_000), "null", "1e999", '"user"'])
    expect(parseInstance(text)).toBeUndefined();
});
