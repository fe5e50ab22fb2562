import type { Instance } from "@skein/core";
import { expect, test } from "vitest";
import { isOurs, metaOf, recordOf } from "./meta-record.ts";

const instance: Instance = {
  service: "user",
  version: "1.0.0",
  id: "i1",
  addresses: [{ protocol: "skein", url: "tcp://127.0.0.1:8080" }],
  zone: "eu",
  weight: 2,
  status: "serving",
  startedAt: "2026-01-01T00:00:00.000Z",
  metadata: {},
};

const sound = (meta: Readonly<Record<string, string>>): void => {
  expect(Object.keys(meta).length).toBeLessThanOrEqual(64);
  for (const [key, value] of Object.entries(meta)) {
    expect(key).toMatch(/^[A-Za-z0-9_-]{1,128}$/);
    expect(key).not.toMatch(/^consul-/);
    expect(Buffer.byteLength(value)).toBeLessThanOrEqual(512);
  }
};

test.each([
  ["little", {}],
  ["non-ASCII across the parts", { größe: "ü".repeat(600), 漢字: "😀".repeat(300), "\n": '"' }],
  ["8 KiB", { long: "x".repeat(8100) }],
  ["8 KiB of characters of four bytes", { long: "😀".repeat(2000) }],
])("%s comes back as it was", (_, metadata) => {
  const record = { instance: { ...instance, metadata }, written: 5 };
  const meta = metaOf(record) as Readonly<Record<string, string>>;
  sound(meta);
  expect(isOurs(meta)).toBe(true);
  expect(recordOf(meta)).toEqual(record);
});

test("readable: version, zone, weight and status", () =>
  expect(metaOf({ instance, written: 1 })).toMatchObject({
    version: "1.0.0",
    zone: "eu",
    weight: "2",
    status: "serving",
  }));

test("more than Consul takes is none", () => {
  const addresses = Array.from({ length: 60 }, () => ({
    protocol: "skein",
    url: `tcp://${"h".repeat(900)}:1`,
  }));
  expect(metaOf({ instance: { ...instance, addresses }, written: 1 })).toBeUndefined();
});

test("what is torn is none", () => {
  const meta = metaOf({ instance: { ...instance, metadata: { long: "x".repeat(2000) } }, written: 1 });
  for (const key of Object.keys(meta ?? {}).filter((k) => /^skein-/.test(k))) {
    const { [key]: _, ...torn } = meta as Readonly<Record<string, string>>;
    expect(recordOf(torn), key).toBeUndefined();
  }
  expect(recordOf({ "skein-parts": "1", "skein-0": "null" })).toBeUndefined();
  expect(recordOf({ "skein-parts": "1e9", "skein-0": "{}" })).toBeUndefined();
  expect(recordOf({ "skein-parts": "1", "skein-0": '{"instance":{},"written":1}' })).toBeUndefined();
});
