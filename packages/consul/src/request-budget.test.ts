import { createFakeRuntime, settle } from "@skein/core/testing";
import { expect, test } from "vitest";
import { type Lane, RequestBudget } from "./request-budget.ts";

const lanes: readonly Lane[] = ["lease", "read", "watch"];

test("in any second ten go, whoever waits, where nothing works", async () => {
  const runtime = createFakeRuntime();
  const budget = new RequestBudget(runtime);
  const at: number[] = [];
  const fail = async (lane: Lane): Promise<void> => {
    await budget.take(lane);
    at.push(runtime.clock.monotonic());
    budget.answered(lane, false);
  };
  for (let n = 0; n < 60; n++) void fail(lanes[n % 3] as Lane);
  await runtime.clock.advanceAsync(20_000);
  expect(at.length).toBe(60);
  for (const from of at)
    expect(at.filter((t) => t >= from && t < from + 1000).length).toBeLessThanOrEqual(10);
  expect(at.at(-1)).toBeLessThan(10_000);
  expect(runtime.clock.timers).toBe(0);
});

test("watches are held to five a second, however well they are answered", async () => {
  const runtime = createFakeRuntime();
  const budget = new RequestBudget(runtime);
  let asked = 0;
  const loop = async (): Promise<void> => {
    for (;;) {
      await budget.take("watch");
      asked++;
      budget.answered("watch", true);
    }
  };
  void loop();
  void loop();
  await runtime.clock.advanceAsync(11_999);
  expect(asked).toBe(60);
});

test("what works is not held up, a few at a time", async () => {
  const runtime = createFakeRuntime();
  const budget = new RequestBudget(runtime);
  let [underWay, most, done] = [0, 0, 0];
  const one = async (): Promise<void> => {
    await budget.take("lease");
    most = Math.max(most, ++underWay);
    await settle();
    underWay--;
    done++;
    budget.answered("lease", true);
  };
  await Promise.all(Array.from({ length: 100 }, one));
  expect(done).toBe(100);
  expect(most).toBeLessThanOrEqual(5);
  expect(runtime.clock.monotonic()).toBe(0);
});

test("a failure ends that until ten in a row went well", async () => {
  const runtime = createFakeRuntime();
  const budget = new RequestBudget(runtime);
  const goes = async (well: boolean): Promise<boolean> => {
    const abort = new AbortController();
    let went = false;
    void budget.take("read", abort.signal).then(
      () => {
        went = true;
      },
      () => {},
    );
    await settle();
    abort.abort();
    if (went) budget.answered("read", well);
    return went;
  };
  for (let n = 0; n < 50; n++) expect(await goes(true)).toBe(true);
  expect(await goes(false)).toBe(true);
  for (let round = 0; round < 2; round++) {
    expect(await goes(true)).toBe(false);
    await runtime.clock.advanceAsync(600);
    for (let n = 0; n < 5; n++) expect(await goes(true)).toBe(true);
  }
  for (let n = 0; n < 50; n++) expect(await goes(true)).toBe(true);
});

test("leases go first, watches last, and watches leave a place", async () => {
  const runtime = createFakeRuntime();
  const budget = new RequestBudget(runtime);
  const order: string[] = [];
  const take = (lane: Lane): void => void budget.take(lane).then(() => order.push(lane));
  for (let n = 0; n < 20; n++) take("watch");
  await settle();
  expect(order.length).toBe(3);
  budget.failed();
  for (const lane of ["lease", "lease", "watch", "read", "lease"] as const) take(lane);
  await settle();
  expect(order.slice(3)).toEqual(["lease", "lease"]);
  await runtime.clock.advanceAsync(600);
  expect(order.slice(5)).toEqual(["lease", "read", "watch"]);
});

test("who gives up leaves the line, and takes no place", async () => {
  const runtime = createFakeRuntime();
  const budget = new RequestBudget(runtime);
  for (let n = 0; n < 3; n++) await budget.take("watch");
  const abort = new AbortController();
  const waiting = budget.take("watch", abort.signal);
  abort.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
  let went = 0;
  for (let n = 0; n < 3; n++) void budget.take("watch").then(() => went++);
  await runtime.clock.advanceAsync(600);
  expect(went).toBe(3);
  await expect(budget.take("watch", AbortSignal.abort(new Error("enough")))).rejects.toThrow("enough");
});
