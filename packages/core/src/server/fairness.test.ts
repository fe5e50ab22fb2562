import { describe, expect, test } from "vitest";
import { type Ended, LoadWorld, type Work } from "./test/load-world.ts";

const TIMES = 3;

/** Calls of each caller at its rate, with jitter, in the order of time. @param perMs by caller */
function offer(world: LoadWorld, perMs: readonly number[], from: number, until: number): void {
  const { random } = world.runtime;
  const next = perMs.map((rate) => from + random() / rate);
  for (;;) {
    const at = Math.min(...next);
    if (at >= until) return;
    const caller = next.indexOf(at);
    world.send(at, "work", { timeLeftMs: 250, from: caller });
    next[caller] = at + (2 * random()) / (perMs[caller] as number);
  }
}

const accepted = (ended: readonly Ended[]): number => ended.filter((e) => e.ok).length;

function p99(ended: readonly Ended[]): number {
  const sorted = ended
    .filter((e) => e.ok)
    .map((e) => e.tookMs)
    .sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length * 0.99)] ?? 0;
}

interface Case {
  readonly crowds: number;
  /** What a small caller asks for, of what a caller gets if all get the same. */
  readonly part: number;
  readonly cpuMs: number;
  readonly ms: number;
}
const CASES: readonly Case[] = [
  // A fiftieth of what a crowd asks for
  { crowds: 1, part: 0.12, cpuMs: 1, ms: 5000 },
  { crowds: 10, part: 0.066, cpuMs: 1, ms: 10_000 },
  { crowds: 10, part: 0.066, cpuMs: 0.05, ms: 1500 },
  // Nearly as much as it may
  { crowds: 1, part: 0.8, cpuMs: 1, ms: 3000 },
  { crowds: 1, part: 0.8, cpuMs: 0.05, ms: 1500 },
  { crowds: 3, part: 0.5, cpuMs: 0.05, ms: 1500 },
  // More callers than have room in the queue
  { crowds: 50, part: 0.5, cpuMs: 1, ms: 10_000 },
  { crowds: 200, part: 0.5, cpuMs: 1, ms: 20_000 },
];

describe("of three times as much as a server can, a small caller has what it asks for", () => {
  test.each(CASES)(
    "beside $crowds crowds, with $part of its share of handlers of $cpuMs ms",
    ({ crowds, part, cpuMs, ms }) => {
      const readMs = cpuMs / 100;
      const world = new LoadWorld({ work: { cpuMs } }, {}, {}, readMs);
      const perMs = 1 / (cpuMs + TIMES * readMs);
      const rates = new Array<number>(crowds).fill((TIMES * perMs) / crowds);
      offer(world, [...rates, (part * perMs) / (crowds + 1)], 0, ms);
      world.run(ms + 300);
      // It takes a while until the overload is known.
      const over = world.ended.filter((e) => e.sentAt >= 500);
      const small = over.filter((e) => e.from === crowds);
      const each = rates.map((_, from) => accepted(over.filter((e) => e.from === from)));
      const figures = {
        small: accepted(small) / small.length,
        crowds: accepted(over) / over.length,
        least: Math.min(...each),
        most: Math.max(...each),
        goodput: accepted(over) / (ms - 500) / perMs,
        p99: p99(over),
      };
      const shown = Object.entries(figures).map(([key, value]) => `${key} ${value.toFixed(3)}`);
      process.stdout.write(`fair, ${crowds} crowds, ${part} of ${cpuMs} ms: ${shown.join(", ")}\n`);
      expect(small.length).toBeGreaterThan(25);
      expect(figures.small).toBeGreaterThanOrEqual(0.9);
      expect(figures.least).toBeGreaterThan(0.75 * figures.most);
      expect(figures.goodput).toBeGreaterThan(0.95);
      expect(figures.p99).toBeLessThanOrEqual(20 + 2 * cpuMs);
    },
    60_000,
  );
});

test("a newcomer shares with those who were there before, and does not shut them out", () => {
  const world = new LoadWorld({ work: { cpuMs: 1 } });
  offer(world, [3], 0, 2000);
  offer(world, [1.5, 1.5], 2000, 4000);
  world.run(4300);
  const done = (from: number, since: number, ms: number): number =>
    accepted(world.ended.filter((e) => e.from === from && e.sentAt >= since && e.sentAt < since + ms));
  expect(done(0, 1900, 100)).toBeGreaterThan(90);
  expect(done(0, 2000, 100)).toBeGreaterThan(25);
  for (const from of [0, 1]) expect(done(from, 2200, 1800) / 1800).toBeGreaterThan(0.45);
});

const MIXED: Readonly<Record<string, Work & { priority?: "critical" | "sheddable" }>> = {
  work: { cpuMs: 0.4 },
  vital: { cpuMs: 0.2, priority: "critical" },
  spare: { cpuMs: 0.3, priority: "sheddable" },
  slow: { cpuMs: 0.1, waitMs: 15, limits: { concurrency: 8 } },
};

test.each([1, 2, 3, 4, 5])("every call is answered once, and none that was refused was begun: %i", (seed) => {
  const world = new LoadWorld(MIXED, {}, {}, 0.01);
  const { random } = world.runtime;
  for (let i = 0; i < 97 * seed; i++) random();
  const methods = Object.keys(MIXED);
  let sent = 0;
  for (let at = 0; at < 2000; at += random() * 0.25) {
    const from = Math.floor(random() ** 3 * 20);
    const timeLeftMs = random() < 0.1 ? 1 + random() * 20 : 250;
    world.send(at, methods[Math.floor(random() * 4)] as string, { timeLeftMs, from });
    sent++;
  }
  for (let at = 50; at < 2000; at += 50 + random() * 200) {
    world.run(at);
    world.block(random() * 40);
  }
  world.run(3000);
  expect(world.ended.length).toBe(sent);
  expect(world.executed).toBe(accepted(world.ended));
  expect(world.dispatcher.running).toBe(0);
  expect(world.dispatcher.queue.depth).toBe(0);
  const refused = world.ended.filter((e) => !e.ok).length;
  expect(refused).toBeGreaterThan(sent / 10);
  expect(refused).toBeLessThan(0.9 * sent);
});
