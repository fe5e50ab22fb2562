import { execFileSync } from "node:child_process";
import { resolve } from "node:path";
import type { Candidate, CandidateState, SelectorFactory } from "@skein/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { p2c } from "./p2c.ts";
import { random } from "./random.ts";
import { roundRobin } from "./round-robin.ts";

const factories: readonly (readonly [string, SelectorFactory])[] = [
  ["round-robin", roundRobin],
  ["random", random],
  ["p2c", p2c],
];
const candidate = (id: string, state: CandidateState = "ready", weight = 1): Candidate => ({
  state,
  instance: {
    service: "s",
    version: "1",
    id,
    addresses: [],
    weight,
    status: "serving",
    startedAt: "",
    metadata: {},
  },
});
const ask = { method: "m", key: undefined, exclude: undefined, now: 0 };
function seeded(seed: number): () => number {
  let s = seed;
  return () => {
    s = (Math.imul(s, 1664525) + 1013904223) >>> 0;
    return s / 4294967296;
  };
}

describe.each(factories)("%s", (_, factory) => {
  const selector = () => factory({ random: seeded(7) });
  test("nobody to pick", () => {
    expect(selector().update([]).pick(ask)).toBeUndefined();
    expect(
      selector()
        .update([candidate("a", "draining")])
        .pick(ask),
    ).toBeUndefined();
    expect(
      selector()
        .update([candidate("a", "ready", 0)])
        .pick(ask),
    ).toBeUndefined();
  });
  test("ready ones first, then those that can become ready, then suspects", () => {
    const of = (...states: CandidateState[]): string | undefined =>
      selector()
        .update(states.map((s) => candidate(s, s)))
        .pick(ask)?.candidate.instance.id;
    expect(of("suspect", "idle", "connecting", "ready", "draining")).toBe("ready");
    expect(["idle", "connecting"]).toContain(of("suspect", "idle", "connecting", "draining"));
    expect(of("suspect", "draining")).toBe("suspect");
  });
  test("never one that is excluded; undefined when all are", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.subarray(["0", "1", "2", "3", "4", "5"]), (n, tried) => {
        const picker = selector().update(Array.from({ length: n }, (_, i) => candidate(`${i}`)));
        const exclude = new Set(tried);
        const open = Array.from({ length: n }, (_, i) => `${i}`).filter((id) => !exclude.has(id));
        for (let i = 0; i < 10; i++) {
          const picked = picker.pick({ ...ask, exclude })?.candidate.instance.id;
          if (open.length === 0) expect(picked).toBeUndefined();
          else expect(open).toContain(picked);
        }
      }),
    );
  });
  test("the pick is a lasting object of the instance, across updates", () => {
    const s = selector();
    const first = s.update([candidate("a")]).pick(ask);
    const second = s.update([candidate("a"), candidate("b", "draining")]).pick(ask);
    expect(second).toBe(first);
  });
  test("everybody gets about the same", () => {
    const picker = selector().update(Array.from({ length: 10 }, (_, i) => candidate(`${i}`)));
    const counts = new Map<string, number>();
    for (let i = 0; i < 20_000; i++) {
      const pick = picker.pick({ ...ask, now: i });
      const id = pick?.candidate.instance.id as string;
      counts.set(id, (counts.get(id) ?? 0) + 1);
      pick?.done(i, i + 1, false, 0);
    }
    for (const n of counts.values()) expect(Math.abs(n - 2000)).toBeLessThan(400);
  });
});

test("round-robin is exact, and goes on where it was when the set is told again", () => {
  const selector = roundRobin({ random: () => 0 });
  const all = ["a", "b", "c"].map((id) => candidate(id));
  const seen: string[] = [];
  for (let i = 0; i < 30; i++) seen.push(selector.update(all).pick(ask)?.candidate.instance.id as string);
  for (let i = 0; i + 3 <= 30; i++) expect(new Set(seen.slice(i, i + 3)).size).toBe(3);
});

test.each([
  ["is slow", 200],
  ["hangs and never answers", Number.POSITIVE_INFINITY],
])("p2c: one that %s loses its traffic", (_, badMs) => {
  const picker = p2c({ random: seeded(3) }).update(["a", "b", "c", "bad"].map((id) => candidate(id)));
  const open: { readonly end: number; done(): void }[] = [];
  let bad = 0;
  const total = 20_000;
  for (let now = 0; now < total; now++) {
    for (const call of open.filter((c) => c.end <= now)) {
      call.done();
      open.splice(open.indexOf(call), 1);
    }
    const pick = picker.pick({ ...ask, now });
    const isBad = pick?.candidate.instance.id === "bad";
    if (isBad) bad++;
    const took = isBad ? badMs : 2;
    open.push({ end: now + took, done: () => pick?.done(now, now + took, false, 0) });
  }
  expect(bad / total).toBeLessThan(0.01);
});

test("p2c: a peak is believed at once, and forgotten in time", () => {
  const picker = p2c({ random: seeded(3) }).update([candidate("a"), candidate("b")]);
  const share = (from: number, ms: number): number => {
    let a = 0;
    for (let i = 0; i < 1000; i++) {
      const now = from + (i * ms) / 1000;
      const pick = picker.pick({ ...ask, now });
      if (pick?.candidate.instance.id === "a") a++;
      pick?.done(now, now + 1, false, 0);
    }
    return a / 1000;
  };
  expect(share(0, 1000)).toBeGreaterThan(0.2);
  const peak = [picker.pick({ ...ask, now: 1000 }), picker.pick({ ...ask, now: 1000 })];
  for (const pick of peak) pick?.done(1000, pick.candidate.instance.id === "a" ? 1500 : 1001, false, 0);
  expect(share(1501, 500)).toBeLessThan(0.1);
});

test("picks allocate nothing", () => {
  const program = `
    import { p2c, roundRobin, random } from "@skein/selector";
    const candidates = Array.from({ length: 10000 }, (_, i) => ({ state: "ready", instance: { service: "s", version: "1", id: "i" + i, addresses: [], weight: 1, status: "serving", startedAt: "", metadata: {} } }));
    const ask = { method: "m", key: undefined, exclude: undefined, now: 1 };
    for (const [name, factory] of Object.entries({ p2c, roundRobin, random })) {
      const picker = factory({ random: Math.random }).update(candidates);
      const run = (n) => { for (let i = 0; i < n; i++) { ask.now = i; picker.pick(ask).done(i, i + 1, false, 0); } };
      run(300000);
      gc();
      const before = process.memoryUsage().heapUsed;
      run(1000000);
      console.log(name, Math.round((process.memoryUsage().heapUsed - before) / 1000000));
    }`;
  const out = execFileSync(
    process.execPath,
    [
      "--expose-gc",
      "--max-semi-space-size=512",
      "--conditions=skein-source",
      "--import",
      "tsx",
      "--input-type=module",
      "-e",
      program,
    ],
    { cwd: resolve(import.meta.dirname, ".."), encoding: "utf8" },
  );
  // Bytes a pick. Math.random() itself boxes its number: that is not ours.
  for (const line of out.trim().split("\n"))
    expect(Number(line.split(" ")[1]), line).toBeLessThanOrEqual(line.startsWith("random") ? 16 : 1);
  console.log(out.trim().replaceAll("\n", ", "));
});
