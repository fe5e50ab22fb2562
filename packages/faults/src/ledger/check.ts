import type { CallRecord, Execution, Receipt } from "./records.ts";

/** What no fault may break. */
export const RULES = {
  "idempotent-failed": "an idempotent call with time left failed",
  refused: "a call with time left was refused: servers said that they had too much to do",
  "executed-twice": "a call that is not idempotent was executed more than once",
  "answered-unexecuted": "a call was answered that no server had executed",
  "denied-executed": 'a call was said to be "not executed", and a server had executed it',
  "foreign-answer": "a call got an answer that is not its own",
  "late-start": "a server began a call whose time was up",
  "strange-execution": "a server executed what nobody had called",
} as const;
export type Rule = keyof typeof RULES;

export interface Violation {
  readonly rule: Rule;
  readonly call: string;
  readonly text: string;
}

export interface LedgerFacts {
  readonly calls: number;
  readonly answered: number;
  /** Calls that are not idempotent and whose outcome nobody can know: cut in mid-call. */
  readonly unknown: number;
  readonly violations: readonly Violation[];
  count(rule: Rule): number;
}

export interface CheckOptions {
  /** Failures of idempotent calls that the scenario allows, as those with too little time. @default none */
  mayFail?(call: CallRecord): boolean;
}

/** By servers that had too much to do. */
export function wasRefused({ error }: CallRecord): boolean {
  return error?.code === "RESOURCE_EXHAUSTED" && error.executed === "no";
}

/** Lays what callers and servers wrote down side by side. Pure. */
export function checkLedger(
  calls: readonly CallRecord[],
  executions: readonly Execution[],
  options: CheckOptions = {},
): LedgerFacts {
  const byCall = new Map<string, Execution[]>();
  for (const execution of executions) {
    const others = byCall.get(execution.call);
    if (others === undefined) byCall.set(execution.call, [execution]);
    else others.push(execution);
  }
  const violations: Violation[] = [];
  let answered = 0;
  let unknown = 0;
  for (const call of calls) {
    const executed = byCall.get(call.id) ?? [];
    byCall.delete(call.id);
    const broken = (rule: Rule, text: string): void => void violations.push({ rule, call: call.id, text });
    if (!call.idempotent && executed.length > 1)
      broken("executed-twice", `executed ${executed.length} times, by ${executed.map((e) => e.by)}`);
    for (const { by, timeLeftMs } of executed)
      if (timeLeftMs <= 0) broken("late-start", `${by} began it ${-timeLeftMs} ms after its time`);
    if (call.error === undefined) {
      answered++;
      checkAnswer(call, executed, broken);
      continue;
    }
    const { code, message, executed: said } = call.error;
    if (said === "no" && executed.length > 0)
      broken("denied-executed", `${code} ${message}: yet ${executed[0]?.by} executed it`);
    if (options.mayFail?.(call) !== true) {
      if (wasRefused(call)) broken("refused", `${code} ${message} (${said})`);
      else if (call.idempotent) broken("idempotent-failed", `${code} ${message} (${said})`);
    }
    if (!call.idempotent && said !== "no") unknown++;
  }
  for (const [call, [execution]] of byCall)
    violations.push({ rule: "strange-execution", call, text: `by ${execution?.by}` });
  const count = (rule: Rule): number => violations.filter((v) => v.rule === rule).length;
  return { calls: calls.length, answered, unknown, violations, count };
}

function checkAnswer(
  call: CallRecord,
  executed: readonly Execution[],
  broken: (rule: Rule, text: string) => void,
): void {
  if (executed.length === 0) return broken("answered-unexecuted", "no server has it in its ledger");
  const receipt = call.answer as Partial<Receipt> | null | undefined;
  const own =
    receipt?.call === call.id && executed.some((e) => e.by === receipt.by && e.method === call.method);
  if (!own) broken("foreign-answer", `answered ${JSON.stringify(call.answer)}`);
}
