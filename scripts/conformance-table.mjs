// Cases of the conformance suites by who passes them, as Markdown tables: npm run conformance [-- SUITE…]. Runs them all against their servers; minutes.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What their titles begin or end with; the rest says who. */
const SUITES = {
  registry: /^registry conformance: /,
  transport: /: a transport$/,
  codec: /: a codec$/,
  bus: /: an event bus(?= \(|$)/,
};
const chosen = process.argv.slice(2);
const unknown = chosen.find((suite) => !Object.hasOwn(SUITES, suite));
if (unknown !== undefined) {
  console.error(`there is no suite ${unknown}: give some of ${Object.keys(SUITES).join(", ")}, or nothing`);
  process.exit(2);
}
const suites = Object.entries(SUITES).filter(([suite]) => chosen.length === 0 || chosen.includes(suite));
/** For a title of a test, which stands behind its suite's. */
const pattern = suites.map(([, { source }]) => source.replace(/[$^]|\(\?=.*$/g, "")).join("|");
const calls = new RegExp(`\\b(${suites.map(([suite]) => suite).join("|")})Conformance\\(`);

const root = join(import.meta.dirname, "..");
const files = readdirSync(join(root, "packages"))
  .flatMap((name) => testsIn(join(root, "packages", name, "src")))
  .filter((file) => calls.test(readFileSync(file, "utf8")));
const folder = mkdtempSync(join(tmpdir(), "skein-conformance-"));
const file = join(folder, "results.json");
const vitest = join(root, "node_modules/vitest/vitest.mjs");
const { status } = spawnSync(
  process.execPath,
  [vitest, "run", ...files, "-t", pattern, "--reporter=json", `--outputFile=${file}`],
  { stdio: ["ignore", "ignore", "inherit"], cwd: root },
);
/** @type {{ testResults: { assertionResults: { ancestorTitles: string[]; title: string; status: string }[] }[] }} */
const results = JSON.parse(readFileSync(file, "utf8"));
rmSync(folder, { recursive: true });
const assertions = results.testResults.flatMap((r) => r.assertionResults);

for (const [suite, title] of suites) print(suite, title);
process.exitCode = status === 0 ? 0 : 1;

/** @param {string} folder */
function testsIn(folder) {
  const names = existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: "utf8" }) : [];
  return names.filter((name) => name.endsWith(".test.ts")).map((name) => join(folder, name));
}

/**
 * @param {string} suite
 * @param {RegExp} titled
 */
function print(suite, titled) {
  /** @type {Map<string, Map<string, string>>} case → who → mark */
  const cases = new Map();
  /** @type {Set<string>} */
  const found = new Set();
  for (const { ancestorTitles, title, status } of assertions) {
    const who = ancestorTitles.find((name) => titled.test(name))?.replace(titled, "");
    if (who === undefined) continue;
    found.add(who);
    const row = cases.get(title) ?? new Map();
    cases.set(title, row.set(who, status === "passed" ? "ok" : status === "failed" ? "FAILED" : "skipped"));
  }
  const names = [...found].sort();
  console.log(`\n| ${suite} | ${names.join(" | ")} |\n|---|${names.map(() => "---|").join("")}`);
  for (const [title, row] of cases)
    console.log(`| ${title} | ${names.map((name) => row.get(name) ?? "").join(" | ")} |`);
  for (const mark of ["ok", "skipped", "FAILED"]) {
    const totals = names.map((name) => [...cases.values()].filter((row) => row.get(name) === mark).length);
    console.log(`| **${mark}** | ${totals.join(" | ")} |`);
  }
}
