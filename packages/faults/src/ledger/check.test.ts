import { expect, test } from "vitest";
import { checkLedger, type Rule } from "./check.ts";
import type { CallRecord, Execution } from "./records.ts";

const N = 300;

/** A run in which all went well: every third call is not idempotent, and one idempotent call was tried twice. */
function wellDone(): { calls: CallRecord[]; executions: Execution[] } {
  const calls: CallRecord[] = [];
  const executions: Execution[] = [];
  for (let n = 0; n < N; n++) {
    const idempotent = n % 3 !== 0;
    const method = idempotent ? "again" : "once";
    const by = `7:${n}`;
    const times = { intendedAt: n, sentAt: n, endedAt: n + 1, timeoutMs: 100 };
    calls.push({ id: `c${n}`, method, idempotent, ...times, answer: { call: `c${n}`, by } });
    executions.push({ call: `c${n}`, by, method, at: n, timeLeftMs: 99 });
  }
  executions.push({ call: "c1", by: "8:0", method: "again", at: 3, timeLeftMs: 97 });
  return { calls, executions };
}

function rulesBroken(change: (run: ReturnType<typeof wellDone>) => void): Rule[] {
  const run = wellDone();
  change(run);
  return checkLedger(run.calls, run.executions).violations.map((v) => v.rule);
}

test("a run in which all went well breaks no rule", () => {
  expect(rulesBroken(() => {})).toEqual([]);
});

test("each record dropped, doubled or swapped is found, wherever it is", () => {
  for (let n = 0; n < N; n++) {
    if (n === 1) continue; // Executed twice: one of its records may be missing.
    expect(
      rulesBroken(({ executions }) => executions.splice(n, 1)),
      `dropped ${n}`,
    ).toEqual(["answered-unexecuted"]);
    if (n % 3 === 0)
      expect(
        rulesBroken(({ executions }) => executions.push({ ...(executions[n] as Execution), by: "9:9" })),
        `doubled ${n}`,
      ).toEqual(["executed-twice"]);
    expect(
      rulesBroken(({ calls }) => swapAnswers(calls, n, (n + 3) % N)),
      `swapped ${n}`,
    ).toEqual(["foreign-answer", "foreign-answer"]);
  }
});

function swapAnswers(calls: CallRecord[], a: number, b: number): void {
  const [first, second] = [calls[a] as CallRecord, calls[b] as CallRecord];
  calls[a] = { ...first, answer: second.answer };
  calls[b] = { ...second, answer: first.answer };
}

function fails(n: number, executed: "no" | "maybe" | "yes", code = "UNAVAILABLE") {
  return ({ calls }: ReturnType<typeof wellDone>): void => {
    const { answer, ...call } = calls[n] as CallRecord;
    calls[n] = { ...call, error: { code, message: "cut", executed } };
  };
}

test("what a failed call was told is held against the servers' ledgers", () => {
  expect(rulesBroken(fails(4, "maybe"))).toEqual(["idempotent-failed"]);
  expect(rulesBroken(fails(3, "no"))).toEqual(["denied-executed"]);
  expect(rulesBroken(fails(3, "maybe"))).toEqual([]);
});

test("a refusal for too much to do is told apart from a failure", () => {
  const run = wellDone();
  run.executions.splice(4, 1);
  fails(4, "no", "RESOURCE_EXHAUSTED")(run);
  const facts = checkLedger(run.calls, run.executions);
  expect(facts.violations.map((v) => v.rule)).toEqual(["refused"]);
  expect(rulesBroken(fails(5, "maybe", "RESOURCE_EXHAUSTED"))).toEqual(["idempotent-failed"]);
});

test("a call that was begun too late, and one that nobody made, are found", () => {
  const late = rulesBroken(({ executions }) => {
    executions[5] = { ...(executions[5] as Execution), timeLeftMs: -2 };
  });
  expect(late).toEqual(["late-start"]);
  const strange = { call: "x1", by: "9:9", method: "once", at: 5, timeLeftMs: 50 };
  expect(rulesBroken(({ executions }) => executions.push(strange))).toEqual(["strange-execution"]);
});

test("failures that the scenario allows are counted, not blamed", () => {
  const { calls, executions } = wellDone();
  fails(4, "maybe")({ calls, executions });
  fails(6, "maybe")({ calls, executions });
  const facts = checkLedger(calls, executions, { mayFail: (call) => call.id === "c4" });
  expect(facts).toMatchObject({ calls: N, answered: N - 2, unknown: 1, violations: [] });
});
