import { createFakeRuntime } from "@skein/core/testing";
import { expect, test } from "vitest";
import { backoffMs, pause } from "./pause.ts";

test("a pause ends in time, or as soon as it is aborted, and leaves no timer", async () => {
  const runtime = createFakeRuntime();
  const ended: [string, number][] = [];
  const abort = new AbortController();
  const never = new AbortController();
  const wait = (name: string, ms: number, signal: AbortSignal): void =>
    void pause(runtime, ms, signal).then(() => ended.push([name, runtime.clock.monotonic()]));
  wait("in time", 500, never.signal);
  wait("aborted", 10_000, abort.signal);
  wait("before", 10_000, AbortSignal.abort());
  await runtime.clock.advanceAsync(200);
  abort.abort();
  await runtime.clock.advanceAsync(800);
  expect(ended).toEqual([
    ["before", 0],
    ["aborted", 200],
    ["in time", 500],
  ]);
  expect(runtime.clock.timers).toBe(0);
});

test("back-off: full jitter, doubled, with an end", () => {
  const most = (failures: number, mostMs?: number): number => backoffMs(failures, () => 1, mostMs);
  expect([0, 1, 2, 3, 4, 5, 6, 5000].map((n) => most(n))).toEqual([
    200, 400, 800, 1600, 3200, 5000, 5000, 5000,
  ]);
  expect(most(9, 1000)).toBe(1000);
  expect(backoffMs(3, () => 0)).toBe(0);
  expect(backoffMs(3, () => 0.5)).toBe(800);
});
