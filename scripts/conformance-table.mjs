// Cases of the registry suite by backend, as a Markdown table: npm run conformance. Runs them all against their servers; minutes.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SUITE = "registry conformance: ";
const folder = mkdtempSync(join(tmpdir(), "skein-conformance-"));
const file = join(folder, "results.json");
const vitest = join(import.meta.dirname, "../node_modules/vitest/vitest.mjs");
const { status } = spawnSync(
  process.execPath,
  [vitest, "run", "packages/", "-t", SUITE, "--reporter=json", `--outputFile=${file}`],
  { stdio: ["ignore", "ignore", "inherit"], cwd: join(import.meta.dirname, "..") },
);
/** @type {{ testResults: { assertionResults: { ancestorTitles: string[]; title: string; status: string }[] }[] }} */
const results = JSON.parse(readFileSync(file, "utf8"));
rmSync(folder, { recursive: true });

/** @type {Map<string, Map<string, string>>} case → backend → mark */
const cases = new Map();
/** @type {Set<string>} */
const backends = new Set();
for (const { ancestorTitles, title, status } of results.testResults.flatMap((r) => r.assertionResults)) {
  const backend = ancestorTitles.find((name) => name.startsWith(SUITE))?.slice(SUITE.length);
  if (backend === undefined) continue;
  backends.add(backend);
  const row = cases.get(title) ?? new Map();
  cases.set(title, row.set(backend, status === "passed" ? "ok" : status === "failed" ? "FAILED" : "skipped"));
}
const names = [...backends].sort();
console.log(`| case | ${names.join(" | ")} |\n|---|${names.map(() => "---|").join("")}`);
for (const [title, row] of cases)
  console.log(`| ${title} | ${names.map((name) => row.get(name) ?? "").join(" | ")} |`);
/** @param {string} mark */
const total = (mark) =>
  names.map((name) => [...cases.values()].filter((row) => row.get(name) === mark).length);
for (const mark of ["ok", "skipped", "FAILED"]) console.log(`| **${mark}** | ${total(mark).join(" | ")} |`);
process.exitCode = status === 0 ? 0 : 1;
