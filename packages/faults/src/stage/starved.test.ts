import { expect, test } from "vitest";
import { latest } from "./measure.ts";
import { starvedBetween, starvedIn, stoodBetween, union } from "./starved.ts";

const call = { id: "c", method: "again", idempotent: true, intendedAt: 0, sentAt: 0, timeoutMs: 100 };

test("what falls between two times counts, and no more than the time between", () => {
  const waited = (from: number, to: number, ms: number) => ({ from, to, waited: ms, late: 0 });
  const times = [waited(0, 90, 50), waited(110, 140, 20), waited(150, 300, 100)];
  expect(starvedBetween(times, [], 100, 145)).toBe(20);
  expect(starvedBetween(times, [], 100, 160)).toBe(60);
  expect(starvedBetween([], [], 100, 160)).toBe(0);
  expect(starvedBetween(times, [], 300, 400)).toBe(0);
  expect(starvedBetween(times, [], 90, 110)).toBe(0);
});

test("a machine that stood still counts as far as a turn came late for it", () => {
  const late = { from: 100, to: 140, waited: 0, late: 38 };
  const excused = (...still: { from: number; to: number }[]) => starvedBetween([late], still, 110, 145);
  expect(excused({ from: 100, to: 141 })).toBe(35);
  expect(starvedBetween([late], [{ from: 90, to: 150 }], 0, 200)).toBe(38);
  expect(excused({ from: 105, to: 115 })).toBe(10);
  expect(excused({ from: 90, to: 104 }, { from: 112, to: 120 })).toBe(12);
  expect(excused({ from: 90, to: 100 }, { from: 140, to: 190 })).toBe(0);
  expect(starvedBetween([], [{ from: 100, to: 140 }], 110, 145)).toBe(0);
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
  }));
  expect(starvedBetween(times, times, 100_000, 100_031)).toBe(8);
  expect(looked).toBeLessThan(200);
});

test.each([
  ["the machine stood still", { at: 40, waited: 0 }, 38],
  ["others ran, too", { at: 40, waited: 20 }, 38],
  ["its timer is as late as timers are", { at: 6, waited: 0 }, 0],
  ["the system does not tell", { at: 40, waited: Number.NaN }, 38],
])("a turn that was due after 2 ms comes late: %s", (_, turn, ms) => {
  const starved = starvedIn({ at: 0, waited: 0 }, turn, 2);
  expect(starved === undefined ? 0 : starvedBetween([starved], [{ from: 0, to: 40 }], 0, 40)).toBe(ms);
});

test("who was busy itself, or waited for something else, is not excused", () => {
  const starved = starvedIn({ at: 0, waited: 0 }, { at: 40, waited: 0 }, 2);
  expect(starvedBetween(starved === undefined ? [] : [starved], [], 0, 40)).toBe(0);
});

test("a call is as late as it is but for the time its caller had no processor", () => {
  expect(latest([{ ...call, endedAt: 140 }])).toBe(40);
  expect(latest([{ ...call, endedAt: 140, starvedMs: 30 }])).toBe(10);
  expect(latest([{ ...call, endedAt: 60 }])).toBe(0);
});

test("what several processors tell is one account", () => {
  const span = (from: number, to: number) => ({ from, to });
  expect(union([span(50, 60), span(10, 20), span(15, 30), span(16, 18), span(30, 31)])).toEqual([
    span(10, 31),
    span(50, 60),
  ]);
  expect(union([])).toEqual([]);
});

test("a witness that others kept from running tells nothing", () => {
  expect(stoodBetween({ at: 0, waited: 0 }, { at: 40, waited: 36 }, 2)).toBeUndefined();
  expect(stoodBetween({ at: 0, waited: 0 }, { at: 5, waited: 0 }, 2)).toBeUndefined();
  expect(stoodBetween({ at: 0, waited: 5 }, { at: 40, waited: 15 }, 2)).toEqual({ from: 12, to: 40 });
});
