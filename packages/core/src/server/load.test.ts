import { describe, expect, test } from "vitest";
import { type Ended, LoadWorld, type Work } from "./test/load-world.ts";

/** A caller sends its next call when its last one was answered. */
function callers(world: LoadWorld, n: number, startsWithinMs = 0): void {
  for (let i = 0; i < n; i++) {
    const next = (): void => world.send(world.now + 0.1, "work", { onEnd: next });
    world.send((i * startsWithinMs) / n, "work", { onEnd: next });
  }
}

describe("normal load: nobody is refused", () => {
  test.each([
    { n: 64, work: { cpuMs: 1 } },
    { n: 4, work: { cpuMs: 30 } },
    { n: 4, work: { cpuMs: 30 }, startsWithinMs: 100 },
    { n: 200, work: { cpuMs: 0.05 } },
    { n: 64, work: { cpuMs: 0.05, waitMs: 20, limits: { concurrency: 50 } } },
    { n: 64, work: { cpuMs: 0.05, waitMs: 20, limits: { concurrency: 10 } } },
  ] as { n: number; work: Work; startsWithinMs?: number }[])(
    "$n callers of a handler of $work",
    ({ n, work, startsWithinMs }) => {
      const world = new LoadWorld({ work });
      callers(world, n, startsWithinMs);
      world.run(5000);
      expect(world.ended.length).toBeGreaterThan(100);
      expect(world.ended.filter((e) => !e.ok).length).toBe(0);
    },
  );
});

test("calls that wait for a slot leave I/O its turns, however quickly slots are given back", () => {
  const world = new LoadWorld({
    work: { cpuMs: 1, waitMs: 0, limits: { concurrency: 1 } },
    vital: { cpuMs: 0.1, priority: "critical" },
  });
  for (let i = 0; i < 200; i++) world.send(0, "work");
  world.send(20, "vital");
  world.run(1000);
  expect(world.ended.length).toBe(201);
  expect(world.ended.find((e) => e.method === "vital")?.tookMs).toBeLessThan(20);
});

test("callers that pause for 10 ms at a time leave an overloaded server enough to do", () => {
  const world = new LoadWorld({ work: { cpuMs: 1 } });
  for (let at = 0; at < 5000; at += 10)
    for (let i = 0; i < 30; i++) world.send(at, "work", { timeLeftMs: 250 });
  world.run(5000);
  const done = world.ended.filter((e) => e.ok && e.sentAt >= 1000);
  expect(done.length).toBeGreaterThan(0.95 * 4000);
  expect(p99(done)).toBeLessThanOrEqual(22);
});

test("what other code delays goes elsewhere: what is served meanwhile is served in time", () => {
  const world = new LoadWorld({ work: { cpuMs: 0.2 }, vital: { cpuMs: 0.2, priority: "critical" } });
  offer(world, 0, 5000, 15);
  for (let at = 20; at < 5000; at += 50) {
    world.run(at);
    world.block(10);
  }
  world.run(5000);
  const done = world.ended.filter((e) => e.ok && e.sentAt >= 1000);
  process.stdout.write(`beside other code: ${done.length} served, p99 ${p99(done).toFixed(1)} ms\n`);
  // A fifth of the time is not the server's.
  expect(done.length).toBeGreaterThan(0.95 * 4000 * 0.8 * 5);
  expect(p99(done)).toBeLessThanOrEqual(20.4);
});

/** Calls at a rate with jitter, whatever becomes of them, one in fifty critical. */
function offer(world: LoadWorld, from: number, until: number, perMs: number): void {
  let i = 0;
  const next = (at: number): void => {
    if (at >= until) return;
    const method = i++ % 50 === 0 ? "vital" : "work";
    world.send(at, method, {
      timeLeftMs: 250,
      onSent: () => next(at + (2 * world.runtime.random()) / perMs),
    });
  };
  next(from);
}

const ok = (e: Ended): boolean => e.ok;
function p99(ended: readonly Ended[]): number {
  const sorted = ended
    .filter(ok)
    .map((e) => e.tookMs)
    .sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length * 0.99)] ?? 0;
}

interface Case {
  readonly name: string;
  readonly work: Work;
  /** Capacity, calls a millisecond. */
  readonly perMs: number;
  readonly serviceMs: number;
  /** What reading a call costs beside it. */
  readonly readMs?: number;
}
const CASES: readonly Case[] = [
  { name: "50 µs", work: { cpuMs: 0.05 }, perMs: 20, serviceMs: 0.05 },
  { name: "50 µs, and 2 µs to read", work: { cpuMs: 0.05 }, perMs: 19, serviceMs: 0.05, readMs: 0.002 },
  { name: "200 µs", work: { cpuMs: 0.2 }, perMs: 5, serviceMs: 0.2 },
  { name: "1 ms", work: { cpuMs: 1 }, perMs: 1, serviceMs: 1 },
  {
    name: "20 ms waiting, 50 at once",
    work: { cpuMs: 0.01, waitMs: 20, limits: { concurrency: 50 } },
    perMs: 2.5,
    serviceMs: 20,
  },
];
const NORMAL_MS = 2000;
const OVER_MS = 20_000;
const AFTER_MS = 4000;

describe("three times as much as it can", () => {
  test.each(CASES)(
    "$name",
    ({ name, work, perMs, serviceMs, readMs }) => {
      const methods = { work, vital: { ...work, priority: "critical" as const } };
      const world = new LoadWorld(methods, {}, {}, readMs);
      const end = NORMAL_MS + OVER_MS;
      offer(world, 0, NORMAL_MS, perMs * 0.9);
      offer(world, NORMAL_MS, end, perMs * 3);
      offer(world, end, end + AFTER_MS, perMs * 0.9);
      world.run(end + AFTER_MS);
      const between = (from: number, until: number): Ended[] =>
        world.ended.filter((e) => e.sentAt >= from && e.sentAt < until);
      const rate = (from: number, until: number): number =>
        between(from, until).filter(ok).length / (until - from);
      const over = between(NORMAL_MS, end);
      const vital = over.filter((e) => e.method === "vital");
      const after = between(end + 2000, end + AFTER_MS);
      const figures = {
        peak: rate(0, NORMAL_MS) / 0.9,
        goodput: rate(NORMAL_MS, end),
        p99: p99(over),
        steadyP99: p99(between(NORMAL_MS + 500, end)),
        vital: vital.filter(ok).length / vital.length,
        refusedAfter: after.filter((e) => !e.ok).length / after.length,
      };
      const shown = Object.entries(figures).map(([key, value]) => `${key} ${value.toFixed(3)}`);
      process.stdout.write(`3 x, ${name}: ${shown.join(", ")}\n`);
      expect(figures.goodput).toBeGreaterThan(figures.peak * 0.9);
      expect(figures.goodput).toBeLessThan(perMs * 1.1);
      expect(figures.p99).toBeLessThanOrEqual(20 + 2 * serviceMs);
      // Without the first half second, in which the overload is not known yet
      expect(figures.steadyP99).toBeLessThanOrEqual(20 + 1.1 * serviceMs);
      expect(figures.vital).toBeGreaterThanOrEqual(0.999);
      expect(figures.refusedAfter).toBe(0);
    },
    60_000,
  );
});
