import { expect, test } from "vitest";
import { fillNumbers, refuseUnknown } from "./option-faults.ts";

test("numbers are filled in, and what is none is named", () => {
  const fill = (given: object) => fillNumbers("limits", { a: 1, b: 2 }, given);
  expect(fill({ b: 3, a: undefined })).toEqual({ a: 1, b: 3 });
  expect(() => fill({ c: 3 })).toThrow(new TypeError("limits.c is not known: there are a, b"));
  expect(() => fill({ toString: 3 })).toThrow("limits.toString is not known");
  for (const wrong of [0, -1, Number.NaN, "1", null])
    expect(() => fill({ a: wrong })).toThrow(`limits.a is ${wrong}: give a number above 0`);
});

test("an option that there is none of is named", () => {
  expect(() => refuseUnknown("x", { a: 1 }, ["a"])).not.toThrow();
  expect(() => refuseUnknown("x", { a: 1, d: 1 }, ["a", "b"])).toThrow("x: no option d: there are a, b");
});
