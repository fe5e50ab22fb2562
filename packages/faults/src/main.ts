import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { SCENARIOS } from "./catalogue.ts";
import { markdown } from "./markdown.ts";
import { complaints, runScenario, type ScenarioResult } from "./run.ts";
import { leftovers, running } from "./stage/leftovers.ts";

const HELP = `npm run faults -- [options]

Plays faults on real processes under load and holds what callers saw against what servers wrote down. Each scenario is played a
second time with its mechanism off: that must fail. Exit code 1 when a rule of the ledger was broken (with --full: any figure missed, or a
control in which nothing fails).

  --full          the durations of a real incident, and every figure is judged (default: short, only the ledger is judged)
  --only A,B      these scenarios: ${SCENARIOS.map((s) => s.name).join(", ")}
  --no-controls   without the controls
  --json FILE     writes everything there
  --help          this text
`;

/** What scenarios have ended is to be gone after so long. */
const GONE_MS = 1000;

/** Runs the command line. Returns the exit code; ends the process where something would keep it running. */
export async function main(args: readonly string[]): Promise<number> {
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  let parsed: ReturnType<typeof options>;
  try {
    parsed = options(args);
  } catch (error) {
    log((error as Error).message);
    return 2;
  }
  if (parsed.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const { full, controls, chosen, json } = parsed;
  const before = running();
  const results: ScenarioResult[] = [];
  for (const scenario of chosen) {
    const result = await runScenario(scenario, { full, controls, log });
    results.push(result);
    const wrong = complaints(result, full);
    for (const line of wrong) log(`  ${line}`);
    if (wrong.length > 0) for (const line of result.outcome?.examples ?? []) log(`    ${line}`);
  }
  process.stdout.write(markdown(results, full));
  if (json !== undefined)
    writeFileSync(
      resolve(process.env.INIT_CWD ?? ".", json),
      `${JSON.stringify({ full, results }, null, 1)}\n`,
    );
  const left = await leftovers(before, GONE_MS);
  if (left.length > 0) {
    log(`Something is left running, which would keep this process: ${left.join(", ")}.`);
    // Writing is synchronous to files, pipes and terminals on the systems it runs on.
    process.exit(1);
  }
  return results.some((r) => complaints(r, full).length > 0) ? 1 : 0;
}

function options(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    allowNegative: true,
    options: {
      full: { type: "boolean", default: false },
      only: { type: "string" },
      controls: { type: "boolean", default: true },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  const { full, controls, json, help, only } = values;
  return { full, controls, json, help, chosen: only === undefined ? SCENARIOS : chosenBy(only) };
}

function chosenBy(only: string): typeof SCENARIOS {
  return only.split(",").map((name) => {
    const found = SCENARIOS.find((s) => s.name === name);
    if (found === undefined)
      throw new Error(
        `--only ${name}: there is no such scenario; there are ${SCENARIOS.map((s) => s.name).join(", ")}`,
      );
    return found;
  });
}
