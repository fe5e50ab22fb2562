import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SimulationOptions } from "./options.ts";
import { type SimulationReport, simulate } from "./simulate.ts";
import { SimulationError } from "./simulation-error.ts";

export interface SeedsReport {
  readonly seeds: number;
  /** Calls by outcome, of all seeds. */
  readonly outcomes: Readonly<Record<string, number>>;
}

/**
 * Simulates seed 1, 2, … until one fails, which is then run again, to see that it replays. The environment has the last word:
 * `SKEIN_SEED=17` runs that seed alone, `SKEIN_SEEDS=1000` so many.
 * @param options called for each seed: what a run may change belongs into the function
 * @throws SimulationError for the first seed that fails; its trace is written to a file, which the message names
 */
export async function simulateSeeds(
  seeds: number,
  options: (seed: number) => Omit<SimulationOptions, "seed">,
): Promise<SeedsReport> {
  const outcomes: Record<string, number> = {};
  const all = chosen(seeds);
  for (const seed of all) {
    const run = (): Promise<SimulationReport> => simulate({ ...options(seed), seed });
    const report = await run().catch((error: unknown) => replay(seed, error, run));
    for (const [code, n] of Object.entries(report.outcomes)) outcomes[code] = (outcomes[code] ?? 0) + n;
  }
  return { seeds: all.length, outcomes };
}

function chosen(seeds: number): readonly number[] {
  const one = fromEnvironment("SKEIN_SEED");
  if (one !== undefined) return [one];
  return Array.from({ length: fromEnvironment("SKEIN_SEEDS") ?? seeds }, (_, i) => i + 1);
}

function fromEnvironment(name: string): number | undefined {
  const text = process.env[name];
  if (text === undefined || text === "") return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0)
    throw new TypeError(`${name} is "${text}": give a whole number`);
  return value;
}

/** Always throws: with the error, and whether a second run of the seed goes the same way. */
async function replay(seed: number, error: unknown, run: () => Promise<SimulationReport>): Promise<never> {
  if (!(error instanceof SimulationError)) throw error;
  const file = join(tmpdir(), `skein-simulation-${seed}.txt`);
  writeFileSync(file, error.trace);
  const second = await run().then(
    ({ trace }) => trace,
    (again: unknown) => (again instanceof SimulationError ? again.trace : String(again)),
  );
  const how =
    second === error.trace
      ? `It replays: SKEIN_SEED=${seed} runs it alone.`
      : `It does not replay: something reads real time, real chance or the outside. ${difference(error.trace, second)}`;
  error.message += `\n\nthe whole trace: ${file}\n${how}`;
  throw error;
}

function difference(one: string, two: string): string {
  const [a, b] = [one.split("\n"), two.split("\n")];
  const at = a.findIndex((line, i) => line !== b[i]);
  return `The two runs part at line ${at + 1} of the trace:\n  ${a[at] ?? "the end"}\n  ${b[at] ?? "the end"}`;
}
