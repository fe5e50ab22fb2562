import type { Violation } from "./rules.ts";
import type { SimulatedWorld } from "./world.ts";

const MOST_VIOLATIONS = 5;
const LAST_LINES = 25;

/** A simulation that failed: its message has the seed, what is wrong, and the end of the story. */
export class SimulationError extends Error {
  readonly seed: number;
  readonly violations: readonly Violation[];
  /** All that happened, a line each. */
  readonly trace: string;

  constructor(world: SimulatedWorld, violations: readonly Violation[], cause?: unknown) {
    super(message(world, violations), cause === undefined ? undefined : { cause });
    this.name = "SimulationError";
    this.seed = world.seed;
    this.violations = violations;
    this.trace = world.trace.text;
  }
}

function message({ seed, trace }: SimulatedWorld, violations: readonly Violation[]): string {
  const shown = violations.slice(0, MOST_VIOLATIONS).map(({ rule, text }) => `- ${rule}\n  ${text}`);
  const more = violations.length - shown.length;
  const calls = violations.flatMap(({ call }) => call ?? []).slice(0, 1);
  const about =
    calls.length === 0 ? [] : trace.lines.filter((line) => calls.some((id) => line.includes(` ${id} `)));
  return [
    `seed ${seed} fails:`,
    ...shown,
    ...(more > 0 ? [`… and ${more} more`] : []),
    ...(about.length > 0 ? ["", "of this call the trace says", ...about] : []),
    "",
    "the trace ends with",
    ...trace.lines.slice(-LAST_LINES),
  ].join("\n");
}
