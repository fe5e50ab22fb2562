import { sampleInstance } from "@skein/conformance";
import type { Instance } from "@skein/core";
import { beforeEach, describe, expect, test } from "vitest";
import { Claims, FOREIGN, type SweepRules } from "./claims.ts";

const user = sampleInstance("user", { id: "u" });
const question = { name: "user~u", type: "ANY" };
const watched: SweepRules = { watched: () => true, frozen: false };
const passedBy: SweepRules = { watched: () => false, frozen: false };

let changes: string[];
let claims: Claims;
beforeEach(() => {
  changes = [];
  claims = new Claims((service) => changes.push(service));
});

function add(instance: Instance, lease: string, written: number, now: number, ttlMs = 1000): void {
  claims.add({ instance, lease, written }, { question, ttlMs, now });
}
const ids = (): string[] => claims.instances("user").map((i) => i.id);

describe("claims", () => {
  test("what is not said again ends with its TTL, to the millisecond", () => {
    add(user, "A", 1, 0);
    expect(claims.sweep(999, passedBy)).toEqual({ ask: [], nextAt: 1000 });
    expect(ids()).toEqual(["u"]);
    expect(claims.sweep(1000, passedBy)).toEqual({ ask: [], nextAt: Number.POSITIVE_INFINITY });
    expect(ids()).toEqual([]);
    expect(changes).toEqual(["user", "user"]);
  });

  test("what is watched is asked for from 80 % on, and ends when nobody answers", () => {
    add(user, "A", 1, 0);
    const asked: number[] = [];
    let at = 0;
    while (at !== Number.POSITIVE_INFINITY) {
      const { ask, nextAt } = claims.sweep(at, watched);
      if (ask.length > 0) asked.push(at);
      expect(ids()).toEqual(at < 1000 ? ["u"] : []);
      at = nextAt;
    }
    expect(asked).toEqual([800, 825, 850, 875, 900, 925, 950, 975]);
  });

  test("saying it again renews, and is no change", () => {
    add(user, "A", 1, 0);
    claims.sweep(800, watched);
    add({ ...user }, "A", 1, 810);
    expect(claims.sweep(1500, watched)).toEqual({ ask: [], nextAt: 1610 });
    expect(changes).toEqual(["user"]);
  });

  test("nothing that is watched ends unasked, however late the timer", () => {
    add(user, "A", 1, 0);
    expect(claims.sweep(60_000, watched)).toEqual({ ask: [question], nextAt: 60_500 });
    expect(ids()).toEqual(["u"]);
    claims.sweep(60_500, watched);
    expect(ids()).toEqual([]);
  });

  test("while nothing is heard nothing that is watched ends", () => {
    add(user, "A", 1, 0);
    expect(claims.sweep(5000, { ...watched, frozen: true })).toEqual({
      ask: [],
      nextAt: Number.POSITIVE_INFINITY,
    });
    expect(ids()).toEqual(["u"]);
    claims.sweep(5000, { ...passedBy, frozen: true });
    expect(ids()).toEqual([]);
  });

  test("after silence everyone has the time of a renewal", () => {
    add(user, "A", 1, 0, 3000);
    claims.sweep(2990, watched);
    claims.sweep(60_000, { ...watched, frozen: true });
    claims.forgive(60_000);
    claims.sweep(61_999, watched);
    expect(ids()).toEqual(["u"]);
    claims.sweep(62_000, watched);
    expect(ids()).toEqual([]);
  });

  test("of several leases the last that was written counts, whatever comes last", () => {
    add(user, "A", 1, 0);
    add({ ...user, weight: 2 }, "B", 2, 0);
    add(user, "A", 1, 10);
    expect(claims.instances("user")).toEqual([{ ...user, weight: 2 }]);
  });

  test("a goodbye never takes a successor's record", () => {
    add(user, "A", 1, 0);
    add({ ...user, weight: 2 }, "B", 2, 0);
    claims.goodbye({ instance: user, lease: "A", written: 1 }, 10);
    expect(claims.instances("user")).toEqual([{ ...user, weight: 2 }]);
    expect(changes.length).toBe(2);
  });

  test("a late copy of what was said before a goodbye, or before a change, is nothing", () => {
    add({ ...user, status: "draining" }, "A", 2, 0);
    add(user, "A", 1, 1);
    expect(claims.instances("user")).toEqual([{ ...user, status: "draining" }]);
    claims.goodbye({ instance: user, lease: "A", written: 2 }, 2);
    add({ ...user, status: "draining" }, "A", 2, 3);
    add(user, "A", 1, 3);
    expect(ids()).toEqual([]);
    add(user, "A", 3, 4);
    expect(ids()).toEqual(["u"]);
  });

  test("a late goodbye does not end what came after it", () => {
    add(user, "A", 2, 0);
    claims.goodbye({ instance: user, lease: "A", written: 1 }, 1);
    expect(ids()).toEqual(["u"]);
  });

  test("goodbyes are forgotten", () => {
    claims.goodbye({ instance: user, lease: "A", written: 1 }, 0);
    expect(claims.services).toEqual(["user"]);
    claims.sweep(30_000, watched);
    expect(claims.services).toEqual([]);
  });

  test("others' records have no order: what they said last counts", () => {
    add(user, FOREIGN, 0, 0);
    add({ ...user, weight: 5 }, FOREIGN, 0, 1);
    expect(claims.instances("user")).toEqual([{ ...user, weight: 5 }]);
    add({ ...user, weight: 5 }, FOREIGN, 0, 2);
    expect(changes.length).toBe(2);
    claims.goodbye({ instance: user, lease: FOREIGN, written: 0 }, 3);
    expect(ids()).toEqual([]);
  });

  test("one that others list at the place of one of ours is the same", () => {
    add(user, "A", 1, 0);
    const url = user.addresses[0]?.url as string;
    const theirs = { ...user, id: "t", addresses: [{ protocol: "go-micro", url }] };
    add(theirs, FOREIGN, 0, 0);
    add(sampleInstance("user", { id: "elsewhere" }), FOREIGN, 0, 0);
    expect(ids()).toEqual(["u", "elsewhere"]);
  });

  test("a liar fills no memory", () => {
    for (let n = 0; n < 30_000; n++) add({ ...user, id: `${n}` }, "A", 1, 0);
    expect(claims.instances("user").length).toBe(20_000);
  });
});
