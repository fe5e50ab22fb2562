import { RpcError } from "@skein/core";
import { type CallRecord, describe, type Execution, type Ledger } from "./ledger.ts";
import { type Facts, needless } from "./needless.ts";
import { decoded, encoded } from "./wire-values.ts";

/** A rule that was broken, in a sentence. */
export interface Violation {
  readonly rule: string;
  readonly text: string;
  /** The call it is about: its id stands in the trace. */
  readonly call?: string | undefined;
}

/** A call ends so soon after its deadline, its process being free to run, ms: the client looks every 16 ms. */
const LATE_MS = 50;

interface Case {
  readonly call: CallRecord;
  readonly executions: readonly Execution[];
  readonly facts: Facts;
}

interface Rule {
  readonly name: string;
  /** What is wrong; undefined: nothing. */
  readonly broken: (c: Case) => string | undefined;
}

/** What holds for every call, whatever befalls the world. */
const RULES: readonly Rule[] = [
  {
    name: "a call that is not idempotent is executed at most once",
    broken: ({ call, executions }) =>
      !call.idempotent && executions.length > 1
        ? `it was executed ${executions.length} times: ${executions.map((e) => `by ${e.machine.name} at ${e.began.toFixed(3)}`).join(", ")}`
        : undefined,
  },
  {
    name: "a call that was answered was executed",
    broken: ({ call, executions }) =>
      call.ended?.kind === "value" && executions.length === 0
        ? "it was answered, and no server has executed it"
        : undefined,
  },
  {
    name: "what is said to be not executed was not executed",
    broken: ({ call, executions }) =>
      executedOf(call) === "no" && executions.length > 0
        ? `its caller was told that it was not executed, and ${executions[0]?.machine.name} has executed it`
        : undefined,
  },
  {
    name: "what is said to be executed was executed",
    broken: ({ call, executions }) =>
      executedOf(call) === "yes" && executions.length === 0
        ? "its caller was told that it was executed, and no server has"
        : undefined,
  },
  {
    name: "an answer belongs to its call",
    broken: ({ call, executions, facts }) =>
      facts.hasSchema(call.service, call.method) ? undefined : foreign(call, executions),
  },
  {
    name: "a call is executed as what it was sent as",
    broken: ({ call, executions }) => {
      const other = executions.find((e) => e.service !== call.service || e.method !== call.method);
      return other && `it was executed as ${other.service}.${other.method} by ${other.machine.name}`;
    },
  },
  { name: "a call ends by its deadline", broken: ({ call, facts }) => late(call, facts.now) },
  {
    name: "an idempotent call with time does not fail while an instance is well",
    broken: ({ call, executions, facts }) => needless(call, executions, facts),
  },
];

export function judge(ledger: Ledger, facts: Facts): Violation[] {
  const executions = new Map<string, Execution[]>();
  for (const execution of ledger.executions) {
    const others = executions.get(execution.call);
    if (others === undefined) executions.set(execution.call, [execution]);
    else others.push(execution);
  }
  const violations: Violation[] = [];
  for (const call of ledger.calls) {
    const c = { call, executions: executions.get(call.id) ?? [], facts };
    for (const rule of RULES) {
      const text = rule.broken(c);
      if (text !== undefined)
        violations.push({ rule: rule.name, text: `${name(call)}: ${text}`, call: call.id });
    }
  }
  return violations;
}

function name(call: CallRecord): string {
  return `call ${call.id} (${call.service}.${call.method})`;
}

function executedOf({ ended }: CallRecord): string | undefined {
  return ended?.kind === "error" && RpcError.is(ended.error) ? ended.error.executed : undefined;
}

function foreign(call: CallRecord, executions: readonly Execution[]): string | undefined {
  const { ended } = call;
  if (executions.length === 0) return undefined;
  if (call.streaming) {
    const whole = ended?.kind === "value";
    const own = executions.some((e) => sameItems(call.items, e.items, whole));
    return own ? undefined : `its caller got ${call.items.length} items that no execution has given`;
  }
  if (ended?.kind !== "value") return undefined;
  const own = executions.some((e) => e.ended?.kind === "value" && same(ended.bytes, e.ended.bytes));
  return own ? undefined : `its caller got ${show(ended.bytes)}, which no execution has given`;
}

function sameItems(got: CallRecord["items"], given: Execution["items"], whole: boolean): boolean {
  if (got.length > given.length || (whole && got.length !== given.length)) return false;
  return got.every((item, i) => same(item, given[i]));
}

/** The second as the first would be after its way over the wire. */
function same(got: Uint8Array | undefined, given: Uint8Array | undefined): boolean {
  if (got === undefined || given === undefined) return got === given;
  return equal(got, given) || equal(got, encoded(decoded(given)));
}
function equal(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && Buffer.compare(a, b) === 0;
}

function show(bytes: Uint8Array | undefined): string {
  const text = bytes === undefined ? "undefined" : JSON.stringify(decoded(bytes));
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function late(call: CallRecord, now: number): string | undefined {
  const { caller, deadline, ended } = call;
  const until = ended === undefined ? now : call.endedAt;
  if (deadline === Number.POSITIVE_INFINITY || (ended === undefined && caller.goneAt < now)) return undefined;
  const lateMs = until - deadline - caller.pausedMs(deadline, until);
  if (lateMs <= LATE_MS) return undefined;
  return ended === undefined
    ? `its deadline was ${lateMs.toFixed(0)} ms ago, and it has not ended`
    : `it ended ${lateMs.toFixed(0)} ms after its deadline: ${describe(ended)}`;
}
