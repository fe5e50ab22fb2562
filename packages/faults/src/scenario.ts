import type { Stage } from "./stage/stage.ts";

/** How a scenario is run. */
export interface How {
  /** The issue's own durations; else short ones, for CI. */
  readonly full: boolean;
  /** With the mechanism off that the scenario is about: it must fail. */
  readonly control: boolean;
}

/** Something that was counted or measured, and what it may be at most. */
export interface Finding {
  readonly what: string;
  readonly value: number;
  readonly unit: "" | "ms" | "%" | "x" | "MB";
  /** @default not judged, only told */
  readonly atMost?: number;
  readonly atLeast?: number;
  /**
   * `fact`: of the ledger, judged always. `figure`: a time or ratio, which a noisy machine may spoil: judged in the full form only.
   */
  readonly kind: "fact" | "figure";
}

export interface Outcome {
  /** Calls (or whatever it is about). */
  readonly n: number;
  readonly findings: readonly Finding[];
  /** The first few things that broke a rule. */
  readonly examples?: readonly string[];
}

export interface Scenario {
  /** Short, for --only. */
  readonly name: string;
  readonly fault: string;
  /** What is off in the control. */
  readonly control: string;
  /** Why it cannot run here; undefined: it can. */
  skip?(): Promise<string | undefined>;
  run(stage: Stage, how: How): Promise<Outcome>;
}

export function holds({ value, atMost, atLeast }: Finding): boolean {
  // NaN holds nothing.
  return (atMost === undefined || value <= atMost) && (atLeast === undefined || value >= atLeast);
}
