import { expect, test } from "vitest";
import { backoffMs } from "./backoff.ts";
import { Pulls } from "./pulls.ts";

test("an event is given again later and later, and then as late each time", () => {
  const times = [1, 2, 3, 4, 5, 6, 99].map((attempt) => backoffMs(attempt));
  expect(times).toEqual([1000, 5000, 30_000, 120_000, 600_000, 600_000, 600_000]);
  expect([0, 1, 2, 3].map((attempt) => backoffMs(attempt, [10, 20]))).toEqual([10, 10, 20, 20]);
  expect(backoffMs(1, [])).toBe(0);
});

test("slow handlers, or of an unknown speed: as many as can be begun", () => {
  const pulls = new Pulls(4);
  expect(pulls.want(0)).toBe(4);
  pulls.asked(4);
  expect(pulls.want(0)).toBe(0);
  for (let i = 0; i < 4; i++) pulls.came();
  expect(pulls.want(4)).toBe(0);
  pulls.handled(500);
  expect(pulls.want(3)).toBe(1);
});

test("quick handlers: ahead of them, in fewer requests; not for long once they are slow", () => {
  const pulls = new Pulls(1);
  pulls.handled(1);
  expect(pulls.want(0)).toBe(17);
  pulls.asked(17);
  for (let i = 0; i < 17; i++) pulls.came();
  expect(pulls.want(10)).toBe(0);
  expect(pulls.want(9)).toBe(8);
  for (let i = 0; i < 3; i++) pulls.handled(100);
  expect(pulls.want(1)).toBe(0);
  expect(pulls.want(0)).toBe(1);
});

test("what a request that ended leaves is asked for again", () => {
  const pulls = new Pulls(10);
  const first = pulls.asked(10);
  pulls.came();
  pulls.came();
  pulls.ended(first, 8);
  expect(pulls.outstanding).toBe(0);
  expect(pulls.want(2)).toBe(8);
  const second = pulls.asked(8);
  pulls.ended(second);
  pulls.ended(second);
  expect(pulls.outstanding).toBe(0);
  pulls.asked(8);
  pulls.reset();
  pulls.came();
  expect(pulls.outstanding).toBe(0);
});

test("the end of a request from before a reset takes nothing off those after it", () => {
  const pulls = new Pulls(64);
  const before = pulls.asked(64);
  pulls.reset();
  const after = pulls.asked(64);
  pulls.ended(before, 64);
  expect(pulls.outstanding).toBe(64);
  pulls.ended(after, 60);
  expect(pulls.outstanding).toBe(4);
});
