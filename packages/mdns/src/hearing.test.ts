import { expect, test } from "vitest";
import { Hearing } from "./hearing.ts";

/** Asks whenever it is due, for so long; says when and what it found. */
function ask(hearing: Hearing, from: number, until: number): { at: number; state: string }[] {
  const seen: { at: number; state: string }[] = [];
  for (let at = from; at <= until; at += 10) {
    const state = hearing.state(at);
    if (state !== seen.at(-1)?.state) seen.push({ at, state });
    if (state !== "hears" && hearing.askAt(at) <= at) hearing.asked(at);
  }
  return seen;
}

test("who asks nothing doubts nothing", () => {
  const hearing = new Hearing();
  expect(hearing.state(1e9)).toBe("hears");
  expect(hearing.askAt(1e9)).toBe(Number.POSITIVE_INFINITY);
});

test("a question that comes back leaves no doubt", () => {
  const hearing = new Hearing();
  hearing.asked(0);
  expect(hearing.askAt(0)).toBe(250);
  expect(hearing.heard()).toBe(false);
  expect(hearing.state(10_000)).toBe("hears");
});

test("one that does not is followed by others, and within a second it is sure", () => {
  const hearing = new Hearing();
  hearing.asked(0);
  const seen = ask(hearing, 0, 5000);
  expect(seen.map((s) => s.state)).toEqual(["hears", "doubts", "deaf"]);
  expect(seen[1]?.at).toBe(250);
  expect(seen[2]?.at).toBeLessThanOrEqual(1000);
});

test("two lost questions are no silence", () => {
  const hearing = new Hearing();
  hearing.asked(0);
  ask(hearing, 0, 600);
  hearing.heard();
  expect(hearing.state(5000)).toBe("hears");
});

test("it goes on asking, and hears again with the first that comes", () => {
  const hearing = new Hearing();
  hearing.asked(0);
  ask(hearing, 0, 60_000);
  expect(hearing.askAt(60_000)).toBeLessThanOrEqual(60_500);
  expect(hearing.heard()).toBe(true);
  expect(hearing.state(60_001)).toBe("hears");
});

test("the cause is known until something is heard", () => {
  const hearing = new Hearing();
  const error = new Error("ENETUNREACH");
  hearing.asked(0);
  hearing.failed(error);
  expect(hearing.state(1)).toBe("hears");
  ask(hearing, 0, 1500);
  expect(hearing.state(1500)).toBe("deaf");
  expect(hearing.cause).toBe(error);
  hearing.heard();
  expect(hearing.cause).toBeUndefined();
});
