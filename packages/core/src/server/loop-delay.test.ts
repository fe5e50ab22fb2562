import { expect, test } from "vitest";
import type { Clock } from "../runtime.ts";
import { createFakeRuntime } from "../testing/fake-clock.ts";
import { LoopDelay } from "./loop-delay.ts";
import { LoadWorld } from "./test/load-world.ts";

test("no timer while nothing comes, none at rest", () => {
  const { clock } = createFakeRuntime();
  const delay = new LoopDelay(clock);
  expect(clock.timers).toBe(0);
  delay.use();
  expect(clock.timers).toBe(1);
  clock.advance(50);
  expect(clock.timers).toBe(0);
  delay.use();
  delay.use();
  expect(clock.timers).toBe(1);
  clock.advance(50);
  expect(clock.timers).toBe(1);
  delay.rest();
  expect(clock.timers).toBe(0);
  expect(delay.ms).toBe(0);
});

/** Loads that callers are told, one call each millisecond. */
function loads(during: (world: LoadWorld, at: number) => void): (from: number, until: number) => number[] {
  const world = new LoadWorld({ work: { cpuMs: 0.1 } });
  for (let at = 0; at < 5000; at++) {
    world.send(at, "work");
    if (at % 100 === 0) {
      world.run(at);
      during(world, at);
    }
  }
  world.run(5000);
  return (from, until) =>
    world.ended.filter((e) => e.sentAt >= from && e.sentAt < until).map((e) => e.loadMicros);
}
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

test("a server whose loop is held up looks loaded though its queue is short; soon after no more", () => {
  const told = loads((world, at) => {
    if (at >= 1000 && at < 2000) world.block(60);
  });
  expect(mean(told(500, 1000))).toBeLessThan(500);
  expect(mean(told(1500, 2000))).toBeGreaterThan(10_000);
  expect(mean(told(4500, 5000))).toBeLessThan(500);
});

test("slices of its own queue are no delay", () => {
  const told = loads(() => {});
  expect(Math.max(...told(0, 5000))).toBeLessThan(1000);
});

test("after it has stood still, what waits is read before anything is begun, for a moment", () => {
  const { clock } = createFakeRuntime();
  let lateMs = 0;
  const held: Clock = {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    fresh: () => clock.fresh(),
    setTimer: (ms, fire) => clock.setTimer(ms + lateMs, fire),
  };
  const delay = new LoopDelay(held);
  const catchingUp = (): boolean => delay.catchingUp(clock.monotonic());
  expect(catchingUp()).toBe(false);
  delay.use();
  clock.advance(50);
  expect(catchingUp()).toBe(false);
  lateMs = 5000;
  delay.use();
  clock.advance(5049);
  expect(catchingUp()).toBe(true);
  clock.advance(2);
  expect(catchingUp()).toBe(true);
  clock.advance(60);
  expect(catchingUp()).toBe(false);
  delay.rest();
});
