import { expect, test } from "vitest";
import type { Instance } from "../instance.ts";
import { sameInstance } from "./same-instance.ts";

const base = (): Instance => ({
  service: "user",
  version: "1.0.0",
  id: "a",
  addresses: [{ protocol: "skein", url: "tcp://10.0.0.1:80" }],
  zone: "z",
  weight: 1,
  status: "serving",
  startedAt: "2026-01-01T00:00:00Z",
  metadata: { host: "h", region: "r" },
});

test("records that say the same are the same, whatever the order of their metadata", () => {
  expect(sameInstance(base(), base())).toBe(true);
  expect(sameInstance(base(), { ...base(), metadata: { region: "r", host: "h" } })).toBe(true);
});

const others: readonly Partial<Instance>[] = [
  { service: "users" },
  { version: "1.0.1" },
  { id: "b" },
  { addresses: [] },
  { addresses: [{ protocol: "http", url: "tcp://10.0.0.1:80" }] },
  { addresses: [{ protocol: "skein", url: "tcp://10.0.0.2:80" }] },
  { addresses: [...base().addresses, ...base().addresses] },
  { zone: undefined },
  { weight: 2 },
  { status: "draining" },
  { startedAt: "2026-01-01T00:00:01Z" },
  { metadata: { host: "h" } },
  { metadata: { host: "h", region: "s" } },
  { metadata: { host: "h", zone: "r" } },
  { metadata: { host: "h", region: "r", more: "" } },
];

test.each(others)("another one: %o", (given) => {
  expect(sameInstance(base(), { ...base(), ...given })).toBe(false);
  expect(sameInstance({ ...base(), ...given }, base())).toBe(false);
});
