import { type Finding, holds, type Outcome, type Scenario } from "./scenario.ts";
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

export interface RunOptions {
  readonly full: boolean;
  readonly controls: boolean;
  log(line: string): void;
}

export async function runScenario(scenario: Scenario, options: RunOptions): Promise<ScenarioResult> {
  const { name, fault } = scenario;
  const began = performance.now();
  const seconds = (): number => (performance.now() - began) / 1000;
  const skipped = await scenario.skip?.();
  if (skipped !== undefined) return { name, fault, seconds: seconds(), skipped };
  options.log(`${name}: ${fault} …`);
  const ran = await play(scenario, options.full, false);
  if (typeof ran === "string") return { name, fault, seconds: seconds(), error: ran };
  if (!options.controls) return { name, fault, seconds: seconds(), outcome: ran };
  options.log(`${name}: the control, ${scenario.control} …`);
  const off = scenario.control;
  const control = await play(scenario, options.full, true);
  const found = typeof control === "string" ? [] : control.findings.filter((f) => !holds(f));
  return {
    name,
    fault,
    seconds: seconds(),
    outcome: ran,
    control: { off, found, ...(typeof control === "string" && { error: control }) },
  };
}

async function play(scenario: Scenario, full: boolean, control: boolean): Promise<Outcome | string> {
  try {
    await using stage = new Stage();
    return await scenario.run(stage, { full, control });
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
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
