import { expect, test } from "vitest";
import { DEFAULT_LIVENESS } from "./limits.ts";
import { Liveness } from "./liveness.ts";

const at = (l: Liveness, times: readonly number[], pending: boolean, hopeful: boolean): string[] =>
  times.map((t) => l.judge(t, pending, hopeful));

test("with calls outstanding: ping at 500 ms, suspect a second later, dead at 4 s without hope, at 30 s with it", () => {
  expect(
    at(new Liveness(DEFAULT_LIVENESS, 0), [499, 500, 1000, 1500, 1600, 3999, 4000], true, false),
  ).toEqual(["well", "ping", "well", "suspect", "well", "well", "dead"]);
  expect(at(new Liveness(DEFAULT_LIVENESS, 0), [500, 1500, 4000, 29_999, 30_000], true, true)).toEqual([
    "ping",
    "suspect",
    "well",
    "well",
    "dead",
  ]);
});

test("idle: ping at 15 s, dead when it is not answered for 4 s", () => {
  expect(
    at(new Liveness(DEFAULT_LIVENESS, 0), [14_999, 15_000, 16_000, 18_999, 19_000], false, false),
  ).toEqual(["well", "ping", "suspect", "well", "dead"]);
});

test("any byte clears, and says so only when there was something to clear", () => {
  const l = new Liveness(DEFAULT_LIVENESS, 0);
  expect(l.heard(100)).toBe(false);
  at(l, [600, 1600], true, true);
  expect(l.suspected).toBe(true);
  expect(l.heard(1700)).toBe(true);
  expect(l.suspected).toBe(false);
  expect(l.judge(2100, true, true)).toBe("well");
  expect(l.judge(2200, true, true)).toBe("ping");
});

test("silence counts from the first call after an idle time", () => {
  const l = new Liveness(DEFAULT_LIVENESS, 0);
  l.expecting(10_000);
  expect(l.judge(10_400, true, true)).toBe("well");
  expect(l.judge(10_500, true, true)).toBe("ping");
});

test("a time in which we ourselves stood still is not held against the peer", () => {
  const l = new Liveness(DEFAULT_LIVENESS, 0);
  expect(l.judge(500, true, true)).toBe("ping");
  l.excuse(60_000);
  expect(l.judge(60_600, true, true)).toBe("well");
  expect(l.judge(61_500, true, true)).toBe("suspect");
});
