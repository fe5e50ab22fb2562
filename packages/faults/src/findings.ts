import type { LedgerFacts } from "./ledger/check.ts";
import type { Finding, Outcome } from "./scenario.ts";

export function fact(what: string, value: number, atMost: number): Finding {
  return { what, value, unit: "", atMost, kind: "fact" };
}

export function figure(what: string, value: number, unit: Finding["unit"], atMost?: number): Finding {
  return { what, value, unit, kind: "figure", ...(atMost !== undefined && { atMost }) };
}

export function atLeast(what: string, value: number, unit: Finding["unit"], least: number): Finding {
  return { what, value, unit, kind: "figure", atLeast: least };
}

/** Rules with a finding of their own. */
const OWN: ReadonlySet<string> = new Set(["idempotent-failed", "refused", "executed-twice"]);

/** The ledger's facts, and a scenario's own findings after them. */
export function outcome(facts: LedgerFacts, findings: readonly Finding[]): Outcome {
  const others = facts.violations.filter((v) => !OWN.has(v.rule));
  return {
    n: facts.calls,
    findings: [
      fact("idempotent failed", facts.count("idempotent-failed"), 0),
      fact("executed twice", facts.count("executed-twice"), 0),
      fact("other rules broken", others.length, 0),
      // Whether servers that are not loaded keep up is a matter of the processors they are given: a figure.
      figure("refused for too much to do", facts.count("refused"), "", 0),
      ...findings,
    ],
    examples: facts.violations.slice(0, 5).map((v) => `${v.rule}: ${v.call} ${v.text}`),
  };
}
