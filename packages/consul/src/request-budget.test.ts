import { createFakeRuntime, settle } from "@skein/core/testing";
import { expect, test } from "vitest";
import { RequestBudget } from "./request-budget.ts";

test("in any second nine go, whoever waits", async () => {
  const runtime = createFakeRuntime();
  const budget = new RequestBudget(runtime);
  const at: number[] = [];
  for (let n = 0; n < 60; n++) void budget.take(n % 2 === 0).then(() => at.push(runtime.clock.monotonic()));
  await runtime.clock.advanceAsync(10_000);
  expect(at.length).toBe(60);
  for (const from of at) expect(at.filter((t) => t >= from && t < from + 1000).length).toBeLessThanOrEqual(9);
  expect(at.at(-1)).toBeLessThan(9700);
  expect(runtime.clock.timers).toBe(0);
});

test("a place that is given back is taken at once", async () => {
  const runtime = createFakeRuntime();
  const budget = new RequestBudget(runtime);
  let done = 0;
  const one = async (): Promise<void> => {
    await budget.take(true);
    done++;
    budget.giveBack();
  };
  await Promise.all(Array.from({ length: 100 }, one));
  expect(done).toBe(100);
  expect(runtime.clock.timers).toBe(0);
});

test("places given back do not pile up", async () => {
  const runtime = createFakeRuntime();
  const budget = new RequestBudget(runtime);
  for (let n = 0; n < 50; n++) budget.giveBack();
  let done = 0;
  for (let n = 0; n < 10; n++) void budget.take(true).then(() => done++);
  await settle();
  expect(done).toBe(3);
});

test("what is urgent goes first", async () => {
  const runtime = createFakeRuntime();
  const budget = new RequestBudget(runtime);
  const order: string[] = [];
  const take = (name: string, urgent: boolean): void => void budget.take(urgent).then(() => order.push(name));
  for (const name of ["a", "b", "c", "d"]) take(name, false);
  take("lease", true);
  await runtime.clock.advanceAsync(1000);
  expect(order).toEqual(["a", "b", "lease", "c", "d"]);
});

test("what is not urgent leaves a place for what is", async () => {
  const runtime = createFakeRuntime();
  const budget = new RequestBudget(runtime);
  for (let n = 0; n < 10; n++) void budget.take(false);
  for (let n = 0; n < 50; n++) {
    await budget.take(true);
    budget.giveBack();
  }
  expect(runtime.clock.monotonic()).toBe(0);
});

test("who gives up leaves the line, and takes no place", async () => {
  const runtime = createFakeRuntime();
  const budget = new RequestBudget(runtime);
  await budget.take(false);
  await budget.take(false);
  const abort = new AbortController();
  const waiting = budget.take(false, abort.signal);
  let next = false;
  void budget.take(false).then(() => {
    next = true;
  });
  abort.abort();
  await waiting;
  await runtime.clock.advanceAsync(167);
  expect(next).toBe(true);
  await budget.take(false, AbortSignal.abort());
});
