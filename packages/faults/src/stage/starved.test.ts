import { expect, test } from "vitest";
import { latest } from "./measure.ts";
import { starvedBetween } from "./starved.ts";

const call = { id: "c", method: "again", idempotent: true, intendedAt: 0, sentAt: 0, timeoutMs: 100 };

test("what falls between two times counts, and no more than the time between", () => {
  const times = [
    { from: 0, to: 90, ms: 50 },
    { from: 110, to: 140, ms: 20 },
    { from: 150, to: 300, ms: 100 },
  ];
  expect(starvedBetween(times, 100, 145)).toBe(20);
  expect(starvedBetween(times, 100, 160)).toBe(60);
  expect(starvedBetween([], 100, 160)).toBe(0);
});

test("a call is as late as it is but for the time its caller had no processor", () => {
  expect(latest([{ ...call, endedAt: 140 }])).toBe(40);
  expect(latest([{ ...call, endedAt: 140, starvedMs: 30 }])).toBe(10);
  expect(latest([{ ...call, endedAt: 60 }])).toBe(0);
});
