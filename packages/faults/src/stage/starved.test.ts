import { expect, test } from "vitest";
import { latest } from "./measure.ts";
import { starvedBetween, starvedIn } from "./starved.ts";

const call = { id: "c", method: "again", idempotent: true, intendedAt: 0, sentAt: 0, timeoutMs: 100 };

test("what falls between two times counts, and no more than the time between", () => {
  const waited = (from: number, to: number, ms: number) => ({ from, to, waited: ms, late: 0, stolen: 0 });
  const times = [waited(0, 90, 50), waited(110, 140, 20), waited(150, 300, 100)];
  expect(starvedBetween(times, 100, 145)).toBe(20);
  expect(starvedBetween(times, 100, 160)).toBe(60);
  expect(starvedBetween([], 100, 160)).toBe(0);
  expect(starvedBetween(times, 300, 400)).toBe(0);
  expect(starvedBetween(times, 90, 110)).toBe(0);
});

test("what the host took counts as far as turns came late, when it is told a little earlier or later, too", () => {
  const late = (from: number, to: number, ms: number) => ({ from, to, waited: 0, late: ms, stolen: 0 });
  const told = (from: number, to: number, ms: number) => ({ from, to, waited: 0, late: 0, stolen: ms });
  expect(starvedBetween([late(100, 140, 38), told(140, 144, 50)], 110, 140)).toBe(30);
  expect(starvedBetween([told(96, 100, 50), late(100, 140, 38)], 104, 145)).toBe(38);
  expect(starvedBetween([late(100, 140, 38), told(140, 144, 20)], 110, 140)).toBe(20);
  expect(starvedBetween([late(100, 140, 38), told(152, 160, 50)], 110, 140)).toBe(0);
  expect(starvedBetween([told(100, 140, 50)], 110, 140)).toBe(0);
});

test("of many times only those between are looked at", () => {
  let looked = 0;
  const times = Array.from({ length: 20_000 }, (_, n) => ({
    from: n * 10,
    get to() {
      looked++;
      return n * 10 + 5;
    },
    waited: 2,
    late: 0,
    stolen: 0,
  }));
  expect(starvedBetween(times, 100_000, 100_031)).toBe(8);
  expect(looked).toBeLessThan(50);
});

test.each([
  ["others ran", { at: 40, waited: 30, stolen: 0 }, 30],
  ["the host took the processor", { at: 40, waited: 0, stolen: 50 }, 38],
  ["both", { at: 40, waited: 20, stolen: 50 }, 38],
  ["the host took less than that", { at: 40, waited: 0, stolen: 10 }, 10],
  ["it was busy itself, or waited for something else", { at: 40, waited: 0, stolen: 0 }, 0],
  ["its timer is as late as timers are", { at: 6, waited: 0, stolen: 50 }, 0],
  ["the system does not tell", { at: 40, waited: Number.NaN, stolen: 0 }, 0],
])("a turn that was due after 2 ms comes late: %s", (_, turn, ms) => {
  const starved = starvedIn({ at: 0, waited: 0, stolen: 0 }, turn, 2);
  expect(starved === undefined ? 0 : starvedBetween([starved], 0, 40)).toBe(ms);
});

test("a call is as late as it is but for the time its caller had no processor", () => {
  expect(latest([{ ...call, endedAt: 140 }])).toBe(40);
  expect(latest([{ ...call, endedAt: 140, starvedMs: 30 }])).toBe(10);
  expect(latest([{ ...call, endedAt: 60 }])).toBe(0);
});
