import type { Candidate, CandidateState, Picker } from "@skein/core";
import { describe, expect, test } from "vitest";
import { consistentHash } from "./consistent-hash.ts";
import { ejecting } from "./ejection.ts";
import { p2c } from "./p2c.ts";
import { preferZone } from "./prefer-zone.ts";
import { random } from "./random.ts";
import { roundRobin } from "./round-robin.ts";
import { candidate, counts, having, request, seeded, take } from "./test/candidates.ts";

/** `a` instances in zone a, named a0…; b and c likewise. */
function zones(
  sizes: Record<string, number>,
  state: (id: string) => CandidateState = () => "ready",
): Candidate[] {
  return Object.entries(sizes).flatMap(([zone, size]) =>
    Array.from({ length: size }, (_, i) => having(candidate(`${zone}${i}`, state(`${zone}${i}`)), { zone })),
  );
}

const selector = (factory = p2c, zone: string | undefined = "a") =>
  preferZone(factory)({ random: seeded(1), zone });

/** Share of 20,000 picks that stay in zone a. */
function stays(picker: Picker): number {
  const total = counts(picker, 20_000);
  const here = Object.entries(total).filter(([id]) => id.startsWith("a"));
  return here.reduce((sum, [, n]) => sum + n, 0) / 20_000;
}

test("all calls stay where there are as many as elsewhere", () => {
  const total = counts(selector().update(zones({ a: 3, b: 3, c: 3 })), 3000);
  expect(Object.keys(total).sort()).toEqual(["a0", "a1", "a2"]);
});

test("without a zone all are alike", () => {
  const given = preferZone(random)({ random: seeded(1) });
  expect(Object.keys(counts(given.update(zones({ a: 2, b: 2 })), 300)).sort()).toEqual([
    "a0",
    "a1",
    "b0",
    "b1",
  ]);
});

describe("what the zone has not enough for goes to the others", () => {
  const bad =
    (...ids: string[]) =>
    (id: string): CandidateState =>
      ids.includes(id) ? "suspect" : "ready";

  test.each([
    [
      "three of ten are away: 1.4 times the rest is nearly enough",
      { a: 10, b: 10 },
      bad("a0", "a1", "a2"),
      0.98,
    ],
    ["half is away: 70 % stay", { a: 2, b: 2, c: 2 }, bad("a0"), 0.7],
    ["all are away", { a: 2, b: 2 }, bad("a0", "a1"), 0],
    ["a zone with one of nine can take 1.4 / 3", { a: 1, b: 4, c: 4 }, bad(), 1.4 / 3],
    ["a zone without anybody", { b: 2 }, bad(), 0],
    ["others away are no reason to leave", { a: 2, b: 4 }, bad("b0", "b1", "b2", "b3"), 1],
  ])("%s", (_, sizes, state, share) => {
    const picked = stays(selector().update(zones(sizes, state)));
    expect(Math.abs(picked - share)).toBeLessThan(0.02);
  });

  test("weights count", () => {
    const all = zones({ a: 1, b: 2 }).map((c) => having(c, { weight: c.instance.zone === "a" ? 2 : 1 }));
    expect(stays(selector().update(all))).toBe(1);
  });

  test("ejected ones are away", () => {
    const guarded = ejecting(preferZone(roundRobin))({ random: seeded(1), zone: "a" });
    const picker = guarded.update(zones({ a: 2, b: 2 }));
    for (let i = 0; i < 200; i++) {
      const pick = picker.pick(request());
      pick?.done(0, 0, pick.candidate.instance.id === "a0", 0);
    }
    const total = counts(picker, 20_000);
    expect(total.a0).toBeUndefined();
    expect((total.a1 ?? 0) / 20_000).toBeCloseTo(0.7, 1);
  });
});

describe("nobody ready here", () => {
  test("those who are ready elsewhere come before those here that are not", () => {
    const state = (id: string): CandidateState => (id === "a0" ? "idle" : id === "a1" ? "suspect" : "ready");
    const picker = selector().update(zones({ a: 2, b: 1 }, state));
    expect(counts(picker, 100)).toEqual({ b0: 100 });
    expect(take(picker, ["b0"])).toBe("a0");
    expect(take(picker, ["b0", "a0"])).toBe("a1");
    expect(take(picker, ["b0", "a0", "a1"])).toBeUndefined();
  });
  test("a call that failed here tries the others here first, then elsewhere", () => {
    const picker = selector().update(zones({ a: 2, b: 1 }));
    expect(take(picker, ["a0"])).toBe("a1");
    expect(take(picker, ["a0", "a1"])).toBe("b0");
    expect(take(picker, ["a0", "a1", "b0"])).toBeUndefined();
  });
});

test("a key that leaves the zone does so each time", () => {
  const picker = selector(consistentHash).update(zones({ a: 1, b: 4, c: 4 }));
  const owner = (key: string): string => {
    const pick = picker.pick(request(undefined, 0, key));
    pick?.done(0, 0, false, 0);
    return pick?.candidate.instance.id as string;
  };
  const keys = Array.from({ length: 2000 }, (_, i) => `customer-${i}`);
  const first = keys.map(owner);
  expect(keys.map(owner)).toEqual(first);
  const here = first.filter((id) => id.startsWith("a")).length / keys.length;
  expect(here).toBeCloseTo(1.4 / 3, 1);
});

test("statistics outlast a change of state", () => {
  const given = selector();
  const slow = (id: string): number => (id === "a0" ? 1000 : 1);
  let now = 0;
  const run = (all: Candidate[], calls: number): Record<string, number> => {
    const picker = given.update(all);
    const total: Record<string, number> = {};
    for (let i = 0; i < calls; i++, now += 10) {
      const pick = picker.pick(request(undefined, now));
      const id = pick?.candidate.instance.id as string;
      total[id] = (total[id] ?? 0) + 1;
      pick?.done(now, now + slow(id), false, 0);
    }
    return total;
  };
  run(zones({ a: 3, b: 3 }), 200);
  run(
    zones({ a: 3, b: 3 }, (id) => (id === "a0" ? "suspect" : "ready")),
    10,
  );
  expect(run(zones({ a: 3, b: 3 }), 200).a0 ?? 0).toBeLessThan(3);
});
