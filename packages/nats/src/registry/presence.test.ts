import { sampleInstance } from "@skein/conformance";
import type { Instance } from "@skein/core";
import { expect, test } from "vitest";
import { Presence } from "./presence.ts";

const TTL_MS = 30_000;
const user = (given: Partial<Instance> = {}): Instance => sampleInstance("user", { id: "a", ...given });
const says = (now: number, lease = "l1", leftMs = TTL_MS) => ({ lease, ttlMs: TTL_MS, leftMs, now });
const bye = (written: number) => ({ service: "user", id: "a", written });

function made() {
  const changes: string[] = [];
  const presence = new Presence((service) => changes.push(service));
  return { presence, changes, weights: () => presence.instances("user").map((i) => i.weight) };
}

test("said again it is renewed, and that is no change", () => {
  const { presence, changes } = made();
  const instance = user();
  presence.add({ instance, written: 1 }, says(0));
  presence.add({ instance: { ...instance }, written: 1 }, says(20_000));
  expect([changes, presence.revision]).toEqual([["user"], 1]);
  expect(presence.instances("user")[0]).toBe(instance);
  expect(presence.instance("user", "a")).toBe(instance);
  expect(presence.due(49_999)).toEqual({ services: new Set(), nextAt: 50_000 });
  expect(presence.due(50_000)).toEqual({ services: new Set(["user"]), nextAt: Number.POSITIVE_INFINITY });
});

test("it ends when told to, and only what was over", () => {
  const { presence, changes } = made();
  presence.add({ instance: user(), written: 1 }, says(0));
  presence.add({ instance: user({ id: "b" }), written: 1 }, says(0, "l1", 10_000));
  presence.expire(9999);
  expect(presence.instances("user").length).toBe(2);
  presence.expire(10_000);
  expect(presence.instances("user").map((i) => i.id)).toEqual(["a"]);
  expect([changes.length, presence.revision]).toEqual([3, 3]);
  presence.expire(TTL_MS);
  expect([presence.instances("user"), presence.services]).toEqual([[], []]);
});

test("what holds for less than its TTL ends then", () => {
  const { presence } = made();
  presence.add({ instance: user(), written: 1 }, says(100, "l1", 5));
  expect(presence.due(105).services).toEqual(new Set(["user"]));
});

test("goodbye: late copies of what was said before do not bring it back, something newer does", () => {
  const { presence, weights } = made();
  presence.add({ instance: user(), written: 2 }, says(0));
  presence.goodbye(bye(1), "l1", 1);
  expect(weights()).toEqual([1]);
  presence.goodbye(bye(2), "l1", 1);
  presence.add({ instance: user(), written: 2 }, says(2));
  presence.add({ instance: user(), written: 1 }, says(2));
  expect(weights()).toEqual([]);
  presence.add({ instance: user({ weight: 3 }), written: 3 }, says(3));
  expect(weights()).toEqual([3]);
});

test("a goodbye that is old is forgotten, without a word", () => {
  const { presence, changes } = made();
  presence.goodbye(bye(2), "l1", 0);
  expect(presence.due(30_000)).toEqual({ services: new Set(), nextAt: Number.POSITIVE_INFINITY });
  expect([presence.services, changes, presence.revision]).toEqual([[], [], 0]);
});

test("of several leases the one that wrote last counts; none takes a successor's record", () => {
  const { presence, weights } = made();
  presence.add({ instance: user({ weight: 2 }), written: 2 }, says(0, "l2"));
  presence.add({ instance: user(), written: 1 }, says(0, "l1"));
  expect(weights()).toEqual([2]);
  presence.goodbye(bye(9), "l1", 1);
  expect(weights()).toEqual([2]);
  presence.add({ instance: user({ weight: 4 }), written: 4 }, says(0, "l0", 10));
  expect(weights()).toEqual([4]);
  presence.expire(10);
  expect(weights()).toEqual([2]);
});

test("after a time without a server everybody has TTL/3 + 0.6 s, or what was left", () => {
  const { presence } = made();
  presence.add({ instance: user(), written: 1 }, says(0));
  presence.add({ instance: user({ id: "b" }), written: 1 }, says(990_000));
  presence.goodbye({ ...bye(1), id: "c" }, "l1", 960_000);
  presence.forgive(1_000_000);
  expect(presence.due(1_010_599).nextAt).toBe(1_010_600);
  expect(presence.due(1_010_600).services).toEqual(new Set(["user"]));
  presence.expire(1_010_600);
  expect(presence.instances("user").map((i) => i.id)).toEqual(["b"]);
  expect(presence.due(1_010_600).nextAt).toBe(1_020_000);
});

test("who is followed no more is forgotten, and that is no change", () => {
  const { presence, changes } = made();
  presence.add({ instance: user(), written: 1 }, says(0));
  presence.forget("user");
  expect([presence.services, changes.length, presence.revision]).toEqual([[], 1, 1]);
});

test("a liar with more claims than any server has fills no memory", () => {
  const { presence } = made();
  const one = user();
  for (let n = 0; n < 60_000; n++)
    presence.add({ instance: { ...one, id: `i${n}` }, written: 1 }, says(0, "liar"));
  expect(presence.instances("user").length).toBe(50_000);
  presence.forget("user");
  presence.add({ instance: one, written: 1 }, says(0));
  expect(presence.instances("user").length).toBe(1);
});
