import type { CallContext } from "@skein/core";
import { expect, test, vi } from "vitest";
import { createAmbientContext } from "./ambient.ts";
import { createNodeRuntime } from "./node-runtime.ts";

const spin = (ms: number): void => {
  const until = performance.now() + ms;
  while (performance.now() < until);
};
const immediate = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("monotonic() is read once a tick, fresh() each time", async () => {
  const { clock } = createNodeRuntime();
  const first = clock.monotonic();
  spin(2);
  expect(clock.monotonic()).toBe(first);
  const fresh = clock.fresh();
  expect(fresh).toBeGreaterThanOrEqual(first + 2);
  expect(clock.monotonic()).toBe(fresh);
  spin(2);
  await immediate();
  expect(clock.monotonic()).toBeGreaterThanOrEqual(fresh + 2);
});

test("a reading does not outlive its tick even where nothing is awaited", async () => {
  const { clock } = createNodeRuntime();
  const readings: number[] = [];
  await new Promise<void>((resolve) => {
    const step = (n: number): void => {
      readings.push(clock.monotonic());
      spin(1);
      if (n === 0) resolve();
      else process.nextTick(step, n - 1);
    };
    step(5);
  });
  for (let i = 1; i < readings.length; i++)
    expect(readings[i]).toBeGreaterThanOrEqual((readings[i - 1] as number) + 1);
});

test("a cancelled timer never fires, and none keeps the process alive", async () => {
  const { clock } = createNodeRuntime();
  const cancelled = vi.fn();
  const timer = clock.setTimer(1, cancelled);
  timer.cancel();
  timer.cancel();
  const spy = vi.spyOn(globalThis, "setTimeout");
  await new Promise<void>((resolve) => clock.setTimer(5, resolve));
  const [made] = spy.mock.results;
  expect((made?.value as NodeJS.Timeout | undefined)?.hasRef()).toBe(false);
  spy.mockRestore();
  expect(cancelled).not.toHaveBeenCalled();
});

test("a delay longer than setTimeout takes is waited for in steps", () => {
  vi.useFakeTimers();
  try {
    const { clock } = createNodeRuntime();
    const fire = vi.fn();
    const days = 60 * 24 * 3600 * 1000;
    clock.setTimer(days, fire);
    const cancelled = clock.setTimer(days, () => expect.unreachable());
    vi.advanceTimersByTime(days - 1);
    expect(fire).not.toHaveBeenCalled();
    cancelled.cancel();
    vi.advanceTimersByTime(1);
    expect(fire).toHaveBeenCalledTimes(1);
  } finally {
    vi.useRealTimers();
  }
});

test("a timer set within a call does not hold on to its context", async () => {
  const ambient = createAmbientContext();
  ambient.use();
  const { clock } = createNodeRuntime(ambient);
  const seen = await new Promise((resolve) =>
    ambient.run({} as CallContext, () => clock.setTimer(1, () => resolve(ambient.get())), undefined),
  );
  expect(seen).toBeUndefined();
});

test("ids are unique, chance is uniform enough", () => {
  const runtime = createNodeRuntime();
  expect(new Set(Array.from({ length: 1000 }, () => runtime.uniqueId())).size).toBe(1000);
  const draws = Array.from({ length: 2000 }, () => runtime.random());
  expect(Math.min(...draws)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...draws)).toBeLessThan(1);
  expect(draws.reduce((a, b) => a + b) / draws.length).toBeCloseTo(0.5, 1);
});

test("defer runs before I/O, yieldToIo after it", async () => {
  const runtime = createNodeRuntime();
  const order: string[] = [];
  runtime.yieldToIo(() => order.push("yield"));
  runtime.defer(() => order.push("defer"));
  order.push("now");
  await immediate();
  await immediate();
  expect(order).toEqual(["now", "defer", "yield"]);
});

test("heap(): what is used grows with what is kept, and stays below its limit", () => {
  const { heap } = createNodeRuntime();
  const before = heap?.();
  const kept = Array.from({ length: 1_000_000 }, (_, i) => ({ i }));
  const after = heap?.();
  expect(kept.length).toBe(1_000_000);
  expect(after?.usedBytes).toBeGreaterThan((before?.usedBytes ?? Number.NaN) + 8_000_000);
  expect(after?.usedBytes).toBeLessThan(after?.limitBytes ?? 0);
});
