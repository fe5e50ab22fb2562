import type { Execution } from "./ledger.ts";

/** How a call ended for the client. */
export interface Ending {
  readonly call: string;
  readonly method: string;
  readonly idempotent: boolean;
  /** JSON of the answer. */
  readonly answer?: string;
  readonly error?: string;
  readonly executed?: "no" | "maybe" | "yes";
  /** Not idempotent, and nobody can know whether it was executed. */
  readonly unknown?: boolean;
}

export interface Verdict {
  ok: number;
  failed: number;
  unknown: number;
  /** Of the unknown ones: how many a ledger has. */
  unknownExecuted: number;
  readonly problems: string[];
}

/**
 * Holds what the client was told against what the services wrote down. ok: the answer is one that a service gave for this very call,
 * and a call that is not idempotent was begun once. "Not executed" must be in no ledger.
 */
export function judge(endings: readonly Ending[], ledger: ReadonlyMap<string, Execution>): Verdict {
  const verdict: Verdict = { ok: 0, failed: 0, unknown: 0, unknownExecuted: 0, problems: [] };
  for (const ending of endings) {
    const execution = ledger.get(ending.call);
    const problem = problemOf(ending, execution);
    if (problem !== undefined) {
      verdict.failed++;
      verdict.problems.push(`${ending.method} ${ending.call}: ${problem}`);
    } else if (ending.unknown === true) {
      verdict.unknown++;
      if (execution !== undefined) verdict.unknownExecuted++;
    } else verdict.ok++;
  }
  return verdict;
}

function problemOf(ending: Ending, execution: Execution | undefined): string | undefined {
  const begun = execution?.begun ?? 0;
  if (!ending.idempotent && begun > 1) return `executed ${begun} times`;
  if (ending.executed === "no" && begun > 0) return "said not to be executed, and a ledger has it";
  if (ending.unknown === true) return undefined;
  if (ending.error !== undefined) return ending.error;
  if (execution === undefined) return "answered, and no ledger has it";
  return execution.answers.includes(ending.answer as string)
    ? undefined
    : `answered ${ending.answer}, which no service did`;
}
