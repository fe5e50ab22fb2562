import { expect, test } from "vitest";
import type { Execution } from "./ledger.ts";
import { type Ending, judge } from "./verdict.ts";

const executed = (answers: string[], begun = answers.length): Execution => ({ method: "m", begun, answers });
const ending = (call: string, rest: Partial<Ending>): Ending => ({
  call,
  method: "m",
  idempotent: false,
  ...rest,
});
const only = (e: Ending, x?: Execution): string => {
  const v = judge([e], new Map(x === undefined ? [] : [[e.call, x]]));
  return v.problems[0]?.replace(`m ${e.call}: `, "") ?? (v.unknown > 0 ? "unknown" : "ok");
};

test("an answer that the ledger has is ok", () =>
  expect(only(ending("c", { answer: "1" }), executed(["1"]))).toBe("ok"));
test("a dropped record is caught", () =>
  expect(only(ending("c", { answer: "1" }))).toBe("answered, and no ledger has it"));
test("a doubled record is caught", () =>
  expect(only(ending("c", { answer: "1" }), executed(["1", "1"]))).toBe("executed 2 times"));
test("an idempotent call may be executed twice", () =>
  expect(only(ending("c", { answer: "1", idempotent: true }), executed(["2", "1"]))).toBe("ok"));
test("a swapped answer is caught", () =>
  expect(only(ending("c", { answer: "2" }), executed(["1"]))).toBe("answered 2, which no service did"));
test("an error is a failure", () =>
  expect(only(ending("c", { error: "boom", executed: "yes" }), executed([], 1))).toBe("boom"));
test("a call said not to be executed must be in no ledger", () =>
  expect(only(ending("c", { error: "refused", executed: "no" }), executed([], 1))).toBe(
    "said not to be executed, and a ledger has it",
  ));
test("an unknown outcome is counted apart, and caught when it was executed twice", () => {
  expect(only(ending("c", { error: "lost", executed: "maybe", unknown: true }), executed([], 1))).toBe(
    "unknown",
  );
  expect(only(ending("c", { error: "lost", executed: "maybe", unknown: true }), executed([], 2))).toBe(
    "executed 2 times",
  );
});
