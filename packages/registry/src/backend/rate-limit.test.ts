import { setMaxListeners } from "node:events";
import { createFakeRuntime, settle } from "@skein/core/testing";
import { expect, test } from "vitest";
import { RateLimit } from "./rate-limit.ts";

function limited(options = { perSecond: 10, burst: 3 }) {
  const runtime = createFakeRuntime();
  const limit = new RateLimit(runtime, options);
  const through: [string, number][] = [];
  const take = (name: string, signal = new AbortController().signal): void =>
    void limit.take(signal).then(() => through.push([name, runtime.clock.monotonic()]));
  return { clock: runtime.clock, take, through };
}

test("a burst at once, then one every so often, in order", async () => {
  const { clock, take, through } = limited();
  for (const name of "abcdef") take(name);
  await settle();
  expect(through).toEqual([
    ["a", 0],
    ["b", 0],
    ["c", 0],
  ]);
  await clock.advanceAsync(1000);
  expect(through.slice(3)).toEqual([
    ["d", 100],
    ["e", 200],
    ["f", 300],
  ]);
  expect(clock.timers).toBe(0);
  // Full again: no more than the burst was saved up.
  await clock.advanceAsync(60_000);
  for (const name of "ghijk") take(name);
  await settle();
  expect(through.length).toBe(9);
});

test("never more than burst + rate × time", async () => {
  const { clock, take, through } = limited({ perSecond: 3, burst: 2 });
  for (let n = 0; n < 200; n++) {
    take(`${n}`);
    await clock.advanceAsync((n * 37) % 150);
  }
  await clock.advanceAsync(60_000);
  expect(through.length).toBe(200);
  const times = through.map(([, at]) => at);
  for (const [n, from] of times.entries())
    for (let m = n; m < times.length; m++)
      expect(m - n + 1).toBeLessThanOrEqual(2 + (((times[m] as number) - from) * 3) / 1000 + 1e-3);
  expect(through.map(([name]) => name)).toEqual(times.map((_, n) => `${n}`));
});

test("who gives up goes at once and takes nobody's turn", async () => {
  const { clock, take, through } = limited({ perSecond: 1, burst: 1 });
  const abort = new AbortController();
  setMaxListeners(0, abort.signal);
  take("a");
  for (let n = 0; n < 1000; n++) take("given up", abort.signal);
  take("b");
  take("late", AbortSignal.abort());
  await clock.advanceAsync(500);
  abort.abort();
  await clock.advanceAsync(500);
  expect(through.filter(([name]) => name !== "given up")).toEqual([
    ["a", 0],
    ["late", 0],
    ["b", 1000],
  ]);
  expect(through.filter(([name, at]) => name === "given up" && at === 500).length).toBe(1000);
  expect(clock.timers).toBe(0);
});
