import { sampleInstance } from "@skein/conformance";
import { type Lease, type Registry, silentLogger } from "@skein/core";
import { createLeaseKeeper } from "@skein/core/internal";
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
  for (let round = 0; round < 3; round++) {
    expect(await goes(true)).toBe(false);
    await runtime.clock.advanceAsync(600);
    for (let n = 0; n < 4; n++) expect(await goes(true)).toBe(true);
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

test("where nothing works, reads leave a place to leases", async () => {
  const runtime = createFakeRuntime();
  const budget = new RequestBudget(runtime);
  budget.failed();
  const order: string[] = [];
  const take = (lane: Lane): void => void budget.take(lane).then(() => order.push(lane));
  for (let n = 0; n < 20; n++) take("read");
  await settle();
  expect(order.length).toBe(4);
  take("lease");
  await settle();
  expect(order.slice(4)).toEqual(["lease"]);
});

test("reads that fail hold up no renewal, at a TTL whose attempts are shorter than the window", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const runtime = createFakeRuntime(seed);
    const { clock } = runtime;
    const budget = new RequestBudget(runtime);
    const wait = (ms: number): Promise<void> => new Promise((resolve) => void clock.setTimer(ms, resolve));
    const ask = async (lane: Lane, well: boolean): Promise<void> => {
      await budget.take(lane);
      await wait(50 + 100 * runtime.random());
      budget.answered(lane, well);
    };
    const lease: Lease = {
      ttlMs: 3000,
      renew: () => ask("lease", true).then(() => "held"),
      put: () => ask("lease", true),
      remove: () => ask("lease", true),
      release: () => ask("lease", true),
    };
    const registry = { name: "paced", lease: async () => lease } as unknown as Registry;
    const keeper = createLeaseKeeper({ registry, runtime, logger: silentLogger, ttlMs: lease.ttlMs });
    const put = keeper.put(sampleInstance("user"));
    await clock.advanceAsync(5000 + 100 * seed);
    await put;
    for (let n = 0; n < 40; n++) void ask("read", false);
    await clock.advanceAsync(6000);
    expect({ seed, ...keeper.counts }).toMatchObject({ seed, failures: 0, lost: 0 });
    keeper.abandon();
  }
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
