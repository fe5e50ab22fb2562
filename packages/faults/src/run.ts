import { figure } from "./findings.ts";
import { type Finding, holds, type Outcome, type Scenario } from "./scenario.ts";
import { leftovers, running } from "./stage/leftovers.ts";
import { Stage } from "./stage/stage.ts";

export interface ScenarioResult {
  readonly name: string;
  readonly fault: string;
  readonly seconds: number;
  readonly skipped?: string;
  readonly error?: string;
  readonly outcome?: Outcome;
  /** What was off, and what failed for it. */
  readonly control?: { readonly off: string; readonly found: readonly Finding[]; readonly error?: string };
}

const GONE_MS = 5000;

export interface RunOptions {
  readonly full: boolean;
  readonly controls: boolean;
  /** What a scenario has ended is to be gone after so long, ms. @default 5000 */
  readonly goneMs?: number;
  log(line: string): void;
}

export async function runScenario(scenario: Scenario, options: RunOptions): Promise<ScenarioResult> {
  const { name, fault } = scenario;
  const began = performance.now();
  const seconds = (): number => (performance.now() - began) / 1000;
  const skipped = await scenario.skip?.();
  if (skipped !== undefined) return { name, fault, seconds: seconds(), skipped };
  options.log(`${name}: ${fault} …`);
  const ran = await play(scenario, options, false);
  if (typeof ran === "string") return { name, fault, seconds: seconds(), error: ran };
  if (!options.controls) return { name, fault, seconds: seconds(), outcome: ran };
  options.log(`${name}: the control, ${scenario.control} …`);
  const off = scenario.control;
  const control = await play(scenario, options, true);
  const found = typeof control === "string" ? [] : control.findings.filter((f) => !holds(f));
  return {
    name,
    fault,
    seconds: seconds(),
    outcome: ran,
    control: { off, found, ...(typeof control === "string" && { error: control }) },
  };
}

/** An error's text where it could not be played to its end, or left something running. */
async function play(
  scenario: Scenario,
  { full, goneMs = GONE_MS }: RunOptions,
  control: boolean,
): Promise<Outcome | string> {
  const before = running();
  try {
    const outcome = await staged(scenario, full, control);
    const left = await leftovers(before, goneMs);
    return left.length === 0 ? outcome : `it left something running: ${left.join(", ")}`;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

async function staged(scenario: Scenario, full: boolean, control: boolean): Promise<Outcome> {
  await using stage = await Stage.open();
  const { n, findings, examples } = await scenario.run(stage, { full, control });
  const starved = figure("a process had no processor, of the time", stage.starved(), "%");
  const still = stage.stoodStill().map(({ from, to }) => to - from);
  const longest = figure("the machine stood still, the longest", Math.max(0, ...still), "ms");
  return { n, findings: [...findings, starved, longest], ...(examples !== undefined && { examples }) };
}

/** What is wrong with it; in the short form only what the ledger says. A control that finds nothing shows that the scenario shows nothing; in the short form, with a few faults
 * only, that may be chance, and the table says it. */
export function complaints(result: ScenarioResult, full: boolean): readonly string[] {
  const { outcome, control, error } = result;
  if (error !== undefined) return [error];
  const wrong = (outcome?.findings ?? [])
    .filter((f) => (full || f.kind === "fact") && !holds(f))
    .map((f) => `${f.what}: ${show(f)}`);
  if (control?.error !== undefined) wrong.push(`the control did not run: ${control.error}`);
  else if (full && control !== undefined && control.found.length === 0)
    wrong.push(`with ${control.off} nothing fails: the scenario does not bite`);
  return wrong;
}

export function show({ value, unit, atMost, atLeast }: Finding): string {
  const bound =
    atMost !== undefined ? ` (at most ${atMost})` : atLeast !== undefined ? ` (at least ${atLeast})` : "";
  const rounded = Math.abs(value) >= 100 ? Math.round(value) : Math.round(value * 100) / 100;
  return `${rounded}${unit === "" ? "" : ` ${unit}`}${bound}`;
}
