import type { Candidate, Pick, Picker } from "@skein/core";
import { describe, expect, test } from "vitest";
import { consistentHash } from "./consistent-hash.ts";
import { p2c } from "./p2c.ts";
import { random } from "./random.ts";
import { roundRobin } from "./round-robin.ts";
import { slowStart } from "./slow-start.ts";
import { candidate, ready, request, seeded, take } from "./test/candidates.ts";
import { weighted } from "./weighted.ts";

const FACTORIES = [
  ["p2c", p2c],
  ["roundRobin", roundRobin],
  ["random", random],
  ["weighted", weighted],
] as const;

/** Share of the calls that each has, of one call a tenth of a millisecond for so many ms; answers take 1 ms. */
function shares(picker: Picker, from: number, ms: number): Record<string, number> {
  const total: Record<string, number> = {};
  const flying: { readonly pick: Pick; readonly at: number }[] = [];
  for (let i = 0; i < ms * 10; i++) {
    const now = from + i / 10;
    while (flying[0] !== undefined && flying[0].at <= now) {
      const flight = flying.shift() as { pick: Pick; at: number };
      flight.pick.done(flight.at - 1, flight.at, false, 0);
    }
    const pick = picker.pick(request(undefined, now)) as Pick;
    flying.push({ pick, at: now + 1 });
    const { id } = pick.candidate.instance;
    total[id] = (total[id] ?? 0) + 1 / (ms * 10);
  }
  for (const { pick, at } of flying) pick.done(at - 1, at, false, 0);
  return total;
}

describe.each(FACTORIES)("%s: a newcomer among three", (_, factory) => {
  const selector = slowStart(factory)({ random: seeded(1) });
  const old = ready(3);
  shares(selector.update(old), 0, 12_000);
  const picker = selector.update([...old, candidate("new")]);

  test.each([
    [20_000, 0.1],
    [22_500, 0.25],
    [25_000, 0.5],
    [27_500, 0.75],
    [30_000, 1],
  ])("has after %i ms %f of its share", (at, part) => {
    const share = shares(picker, at, 400);
    // A pick that is given back counts in none of the turns. P2C prefers who is less busy: a newcomer that holds back wins each comparison, of which there are two in four picks
    const most = factory === p2c ? Math.min(2, 1 / part) : 1;
    expect(share.new ?? 0).toBeGreaterThan(0.25 * part * 0.7);
    expect(share.new ?? 0).toBeLessThan(0.25 * part * most * 1.45);
  });
});

test("when all are new nobody holds back, also when they come one after the other within a second", () => {
  const selector = slowStart(random)({ random: seeded(1) });
  let picker = selector.update([]);
  for (let n = 1; n <= 3; n++) {
    picker = selector.update(ready(n));
    shares(picker, n * 100, 10);
  }
  for (const part of Object.values(shares(picker, 400, 1000))) expect(part).toBeCloseTo(1 / 3, 1);
  for (const part of Object.values(shares(picker, 9900, 1000))) expect(part).toBeCloseTo(1 / 3, 1);
});

test("when all are new but at different times, each has its part of what the oldest has", () => {
  const selector = slowStart(random)({ random: seeded(1) });
  shares(selector.update([candidate("a")]), 0, 10);
  const picker = selector.update([candidate("a"), candidate("b")]);
  shares(picker, 4000, 1);
  // b is new for 1 s, a for 5 s: a tenth against a half
  expect(shares(picker, 5000, 200).b).toBeCloseTo(0.5 * 0.2, 1);
});

test("many newcomers at once leave the others what they have", () => {
  const selector = slowStart(random)({ random: seeded(1) });
  shares(selector.update(ready(2)), 0, 10_100);
  const picker = selector.update([...ready(2), ...Array.from({ length: 8 }, (_, i) => candidate(`new${i}`))]);
  const share = shares(picker, 11_000, 200);
  expect((share.i0 ?? 0) + (share.i1 ?? 0)).toBeCloseTo(0.2 + 0.8 * 0.9, 1);
});

test("one whose connection was lost is no newcomer when it is back", () => {
  const selector = slowStart(random)({ random: seeded(1) });
  shares(selector.update(ready(3)), 0, 10_100);
  shares(selector.update(ready(3).slice(1)), 11_000, 10);
  expect(shares(selector.update(ready(3)), 12_000, 200).i0).toBeCloseTo(1 / 3, 1);
  const suspected = ready(3).map((c) => (c.instance.id === "i0" ? candidate("i0", "suspect") : c));
  shares(selector.update(suspected), 13_000, 10);
  expect(shares(selector.update(ready(3)), 14_000, 200).i0).toBeCloseTo(1 / 3, 1);
});

test("a newcomer is asked when the others were tried", () => {
  const selector = slowStart(random)({ random: seeded(1) });
  shares(selector.update(ready(1)), 0, 10_100);
  const picker = selector.update([candidate("i0"), candidate("new")]);
  for (let i = 0; i < 50; i++) expect(take(picker, ["i0"], 11_000)).toBe("new");
  expect(take(picker, ["i0", "new"], 11_000)).toBeUndefined();
});

test("keys move to a newcomer little by little, and none of them back", () => {
  const selector = slowStart(consistentHash)({ random: seeded(1) });
  const keys = Array.from({ length: 3000 }, (_, i) => `customer-${i}`);
  const owners = (all: readonly Candidate[], now: number): string[] => {
    const picker = selector.update(all);
    return keys.map((key) => {
      const pick = picker.pick(request(undefined, now, key));
      pick?.done(now, now, false, 0);
      return pick?.candidate.instance.id as string;
    });
  };
  const old = ready(3);
  const before = owners(old, 0);
  owners(old, 11_000);
  let moved = new Set<string>();
  const counts: number[] = [];
  for (const at of [12_000, 14_000, 17_000, 22_000]) {
    const now = owners([...old, candidate("new")], at);
    const news = new Set(keys.filter((_, i) => now[i] === "new"));
    for (const key of moved) expect(news).toContain(key);
    now.forEach((id, i) => {
      if (id !== "new") expect(id).toBe(before[i]);
    });
    counts.push(news.size);
    moved = news;
  }
  expect(counts).toEqual([...counts].sort((a, b) => a - b));
  expect(counts[3]).toBeGreaterThan(600);
  expect(counts[0]).toBeLessThan(120);
});
