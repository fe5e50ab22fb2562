import { sampleInstance } from "@skein/conformance";
import type { Instance } from "@skein/core";
import { beforeEach, expect, test } from "vitest";
import { Presence } from "../presence.ts";
import { kvKeys } from "./kv-keys.ts";
import { encodeRecord } from "./kv-record.ts";
import { KvView } from "./kv-view.ts";

const TTL_MS = 3000;
const keys = kvKeys("b", "skein", undefined);
let presence: Presence;
let view: KvView;
let changes: number;
let skipped: string[];
beforeEach(() => {
  changes = 0;
  skipped = [];
  presence = new Presence(() => void changes++);
  view = new KvView({
    keys,
    presence,
    skip: (key) => void skipped.push(key),
    heard() {},
  });
});

const put = (instance: Instance, sequence: number, timeMs: number, lease = "l1") => ({
  subject: keys.subject(instance.service, instance.id),
  sequence,
  count: sequence,
  timeMs,
  pending: 0,
  bytes: encodeRecord({ lease, ttlMs: TTL_MS, instance }),
  gone: false,
  aged: false,
});
const ids = (): string[] => presence.instances("user").map((i) => i.id);
const over = (at: number): readonly string[] => {
  presence.expire(at);
  return ids();
};

test("a record that is there holds for what is left of it by the server's clock, one that comes for its TTL", () => {
  const [old, fresh, dead] = [sampleInstance("user"), sampleInstance("user"), sampleInstance("user")];
  const at = 1_700_000_000_000;
  view.take(put(dead, 1, at - TTL_MS), at, 0);
  view.take(put(old, 2, at - 2000), at, 0);
  view.take(put(fresh, 3, at), at, 0);
  expect(ids()).toEqual([old.id, fresh.id]);
  expect(over(999)).toEqual([old.id, fresh.id]);
  expect(over(1000)).toEqual([fresh.id]);
  expect(over(3000)).toEqual([]);
});

test("a renewal is no change, and the same message again no renewal", () => {
  const i = sampleInstance("user");
  view.take(put(i, 1, 1000), 1000, 0);
  view.take(put(i, 2, 2000), 2000, 1000);
  expect(changes).toBe(1);
  // Read again, as after a reconnection.
  view.begin();
  view.take(put(i, 2, 2000), 2000, 3500);
  view.complete();
  expect(over(3999)).toEqual([i.id]);
  expect(over(4000)).toEqual([]);
});

test("a wiped server takes nobody away, and its numbers begin anew", () => {
  const [i, other] = [sampleInstance("user"), sampleInstance("user")];
  view.take(put(i, 900, 1000), 1000, 0);
  view.take(put(other, 901, 1000), 1000, 0);
  view.begin();
  view.take(put({ ...i, weight: 2 }, 1, 1500), 1500, 500);
  view.complete();
  expect(presence.instances("user")).toEqual([{ ...i, weight: 2 }, other]);
});

test("a mark ends it at once, and what is put afterwards counts", () => {
  const i = sampleInstance("user");
  view.take(put(i, 5, 1000), 1000, 0);
  view.take({ ...put(i, 6, 1100), gone: true }, 1100, 100);
  expect(ids()).toEqual([]);
  view.take(put(i, 7, 1200, "l2"), 1200, 200);
  expect(ids()).toEqual([i.id]);
});

test("the server's own mark of age says nothing: our clock knows better", () => {
  const i = sampleInstance("user");
  view.take(put(i, 5, 1000), 1000, 0);
  view.take({ ...put(i, 6, 4000), bytes: new Uint8Array(), aged: true }, 4000, 1000);
  expect(ids()).toEqual([i.id]);
});

test("records that are none, or another's, are skipped", () => {
  const i = sampleInstance("user");
  const at = put(i, 1, 1000);
  view.take({ ...at, bytes: at.bytes.subarray(5) }, 1000, 0);
  view.take({ ...put(sampleInstance("user"), 2, 1000), subject: at.subject }, 1000, 0);
  view.take({ ...at, sequence: 3, subject: "$KV.b.skein._.user.x.y" }, 1000, 0);
  expect([ids(), skipped.length]).toEqual([[], 3]);
});
