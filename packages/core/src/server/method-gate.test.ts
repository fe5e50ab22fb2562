import { expect, test } from "vitest";
import type { MethodLimits } from "../endpoint.ts";
import { type GatedJob, MethodGate } from "./method-gate.ts";
import { DEFAULT_QUEUE } from "./queue-options.ts";

interface TestJob extends GatedJob {
  readonly name: number;
}

/** A gate at a time that is set by hand. */
function world(limits: MethodLimits) {
  const expired: number[] = [];
  const shed: number[] = [];
  let names = 0;
  const w = {
    now: 0,
    expired,
    shed,
    gate: new MethodGate<TestJob>(
      limits,
      DEFAULT_QUEUE,
      {
        run(job) {
          expired.push(job.name);
          w.gate.leave(job, w.now);
        },
        shed(job) {
          shed.push(job.name);
          w.gate.leave(job, w.now);
        },
      },
      0,
    ),
    job: (timeLeftMs = 5000, priority = 1): TestJob => ({
      name: names++,
      priority,
      arrivedAt: w.now,
      queuedAt: undefined,
      expiresAt: w.now + timeLeftMs,
      started: true,
      owner: { claims: 0, claimsAt: 0 },
    }),
    enter(timeLeftMs?: number): TestJob {
      const job = w.job(timeLeftMs);
      w.gate.enter(job, w.now);
      return job;
    },
  };
  return w;
}

test("so many at once; the others in their order, as slots are given back", () => {
  const w = world({ concurrency: 2 });
  const [a, b, c, d] = [w.enter(), w.enter(), w.enter(), w.enter()] as [TestJob, TestJob, TestJob, TestJob];
  expect([a, b, c, d].map((job) => w.gate.holds(job))).toEqual([false, false, true, true]);
  expect(w.gate.leave(b, w.now)).toBe(c);
  expect(w.gate.leave(a, w.now)).toBe(d);
  expect(w.gate.leave(c, w.now)).toBeUndefined();
  expect(w.gate.enter(w.job(), w.now)).toBe(true);
  expect(w.gate.enter(w.job(), w.now)).toBe(false);
});

test("who gives up while it waits leaves the slots alone", () => {
  const w = world({ concurrency: 1 });
  const [a, b, c] = [w.enter(), w.enter(), w.enter()] as [TestJob, TestJob, TestJob];
  expect(w.gate.leave(b, w.now)).toBeUndefined();
  expect(w.gate.depth).toBe(1);
  expect(w.gate.leave(a, w.now)).toBe(c);
});

test("the expired are let go before anybody gets a slot, and when somebody comes", () => {
  const w = world({ concurrency: 1 });
  const a = w.enter();
  w.enter(10);
  const c = w.enter();
  w.now = 11;
  expect(w.gate.leave(a, w.now)).toBe(c);
  expect(w.expired).toEqual([1]);
  w.enter(10);
  w.now = 30;
  w.gate.refusal(1, 5000, w.now);
  expect(w.expired).toEqual([1, 3]);
});

test("what cannot be reached in its time is refused, by how long calls take", () => {
  const w = world({ concurrency: 2 });
  const running = [w.enter(), w.enter()];
  w.now = 100;
  for (const job of running) w.gate.leave(job, w.now);
  for (let i = 0; i < 6; i++) w.enter();
  expect(w.gate.waitMs(w.now)).toBe(200);
  expect(w.gate.refusal(1, 201, w.now)).toBeUndefined();
  expect(w.gate.refusal(1, 150, w.now)).toBe(50);
});

test("handlers that hang make the wait as long as they hang", () => {
  const w = world({ concurrency: 1 });
  w.enter();
  w.enter();
  w.now = 3000;
  expect(w.gate.refusal(1, 2900, w.now)).toBeGreaterThan(0);
  expect(w.gate.refusal(1, 3100, w.now)).toBeUndefined();
});

test("free slots after a pause are no stall", () => {
  const w = world({ concurrency: 2 });
  w.now = 60_000;
  for (let i = 0; i < 10; i++) w.enter();
  expect(w.gate.waitMs(w.now)).toBe(0);
});

test("a method of `critical` calls waits beyond the bound, one of `sheddable` ones gets nothing at first", () => {
  const w = world({ concurrency: 1 });
  let running = w.enter();
  for (; w.now < 400; w.now += 10) {
    for (let i = 0; i < 5; i++) if (w.gate.refusal(1, 5000, w.now) === undefined) w.enter();
    running = w.gate.leave(running, w.now) ?? w.enter();
    running = { ...running, queuedAt: w.now } as TestJob;
  }
  expect(w.gate.overloaded).toBe(true);
  expect(w.shed.length).toBeGreaterThan(10);
  while (w.gate.waitMs(w.now) <= 20) w.enter();
  expect(w.gate.refusal(1, 5000, w.now)).toBeGreaterThan(0);
  expect(w.gate.refusal(2, 5000, w.now)).toBeGreaterThan(0);
  expect(w.gate.refusal(0, 5000, w.now)).toBeUndefined();
});

test("a rate: beyond it, until the next token; what is refused for another reason costs none", () => {
  const w = world({ concurrency: 1, ratePerSecond: 10, burst: 2 });
  w.enter();
  w.enter();
  w.now = 200;
  expect(w.gate.refusal(1, 1, w.now)).toBeGreaterThan(0);
  expect(w.gate.refusal(1, 5000, w.now)).toBeUndefined();
  expect(w.gate.refusal(1, 5000, w.now)).toBeUndefined();
  expect(w.gate.refusal(1, 5000, w.now)).toBe(100);
});
