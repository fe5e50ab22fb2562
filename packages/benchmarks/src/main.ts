import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { chooseAdapter } from "./catalogue.ts";
import { renderMarkdown } from "./markdown.ts";
import { helpText, parseBenchArgs } from "./options.ts";
import { fromCaller } from "./paths.ts";
import type { BenchResults } from "./results.ts";
import { runBench } from "./run.ts";
import { mergeResults, summarise } from "./summary.ts";

const log = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

/** Runs the command line. Returns the exit code: 1 when one of our own adapters failed or nothing was measured. */
export async function main(args: readonly string[]): Promise<number> {
  const command = parseBenchArgs(args);
  if (command.kind === "help") {
    process.stdout.write(helpText);
    return 0;
  }
  if (command.kind === "print") {
    const merged = mergeResults(
      command.files.map((file) => JSON.parse(readFileSync(fromCaller(file), "utf8")) as BenchResults),
    );
    process.stdout.write(renderMarkdown({ ...merged, base: command.base ?? merged.base }));
    return 0;
  }
  const results = await runBench({ ...command.options, log });
  const report = renderMarkdown(results);
  process.stdout.write(report);
  if (command.out !== undefined) writeReport(fromCaller(command.out), results, report);
  const oursFailed = results.absent.some((a) => chooseAdapter(a.adapter).entry.needs.kind === "own");
  return oursFailed || results.measurements.length === 0 ? 1 : 0;
}

function writeReport(file: string, results: BenchResults, report: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify({ ...results, rows: summarise(results) }, null, 1)}\n`);
  const markdown = file.replace(/(\.json)?$/, ".md");
  writeFileSync(markdown, report);
  log(`wrote ${file} and ${markdown}`);
}
