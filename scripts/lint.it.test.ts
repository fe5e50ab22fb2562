import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, describe, expect, test } from "vitest";

// The rules are tried on a copy of the configuration in an empty folder, so that planted files never lie in the tree.
const root = resolve(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "skein-lint-"));
for (const file of ["biome.json", ".gitignore", "packages/core/package.json", "packages/codec/package.json"])
  cpSync(join(root, file), join(folder, file));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What the linter says of `files` (path to text): its whole text, and the rules that were broken, in order. */
const lint = (files: Record<string, string>): { text: string; rules: string[] } => {
  for (const [path, source] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), source);
  }
  const biome = join(root, "node_modules/@biomejs/biome/bin/biome");
  const args = [biome, "lint", "--colors=off", "--diagnostic-level=error", "--max-diagnostics=none", "."];
  const run = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
  for (const path of Object.keys(files)) rmSync(join(folder, path));
  const rules = [...run.stderr.matchAll(/ lint\/\w+\/(\w+) /g)].map((m) => m[1] ?? "");
  expect(run.status, run.stderr).toBe(rules.length > 0 ? 1 : 0);
  return { text: run.stderr.replace(/\s+/g, " "), rules };
};
const rulesFor = (path: string, source: string): string[] => lint({ [path]: source }).rules;

describe("core stays pure", () => {
  test.each([
    ["Date.now()", "clock.now()"],
    ["performance.now()", "clock.monotonic()"],
    ["setTimeout(String, 1)", "clock.setTimer"],
    ["setInterval(String, 1)", "clock.setTimer"],
    ["clearTimeout(1)", "timer.cancel()"],
    ["clearInterval(1)", "timer.cancel()"],
    ["setImmediate(String)", "yieldToIo"],
    ["queueMicrotask(String)", "defer"],
    ["process.pid", "runtime.ts"],
    ["Buffer.from([])", "Uint8Array"],
    ["console.log(1)", "Logger"],
    ["crypto.randomUUID()", "uniqueId()"],
    ["globalThis.Date", "runtime.ts"],
    ["global.Date", "runtime.ts"],
    ["Math.random()", "uniqueId()"],
    ["Math['random']()", "uniqueId()"],
    ["AbortSignal.timeout(1)", "clock.setTimer"],
  ])("%s is refused, and the message names %s", (expression, instead) => {
    const { text, rules } = lint({
      "packages/core/src/session/planted.ts": `export const x = ${expression};\n`,
    });
    expect(rules).toEqual([expect.stringMatching(/^(noRestrictedGlobals|noJsRestrictedProperties)$/)]);
    expect(text).toContain(instead);
  });

  test("a module of Node is refused", () => {
    expect(rulesFor("packages/core/src/planted.ts", 'export { join } from "node:path";\n')).toEqual([
      "noNodejsModules",
    ]);
  });

  test("another package of Skein is refused, as a type too", () => {
    const source = 'import type { Codec } from "@skein/codec";\nexport type C = Codec;\n';
    expect(rulesFor("packages/core/src/planted.ts", source).sort()).toEqual([
      "noRestrictedImports",
      "noUndeclaredDependencies",
    ]);
  });

  test.each([
    "packages/core/src/planted.test.ts",
    "packages/core/src/testing/planted.ts",
    "packages/codec/src/planted.ts",
  ])("%s may use the clock of the machine", (path) => {
    expect(rulesFor(path, "export const x = [Date.now(), Math.random(), setTimeout(String, 1)];\n")).toEqual(
      [],
    );
  });
});

describe("every package", () => {
  const path = "packages/codec/src/planted.ts";

  test("any is refused in the code and allowed in its tests", () => {
    const source = "export const x = (y: any) => y;\n";
    expect(rulesFor(path, source)).toEqual(["noExplicitAny"]);
    expect(rulesFor("packages/codec/src/planted.test.ts", source)).toEqual([]);
    expect(rulesFor("packages/codec/src/planted.test-d.ts", source)).toEqual([]);
  });

  test("a default export is refused", () => {
    expect(rulesFor(path, "const x = 1;\nexport default x;\n")).toEqual(["noDefaultExport"]);
    expect(rulesFor("packages/codec/planted.config.ts", "export default {};\n")).toEqual([]);
  });

  test("export * is refused", () => {
    expect(rulesFor(path, 'export * from "msgpackr";\n')).toEqual(["noReExportAll"]);
  });

  test("an import that package.json does not declare, or only for development, is refused", () => {
    expect(rulesFor(path, 'export { pino } from "pino";\n')).toEqual(["noUndeclaredDependencies"]);
    expect(rulesFor(path, 'export { assert } from "fast-check";\n')).toEqual(["noUndeclaredDependencies"]);
    expect(rulesFor("packages/codec/src/planted.test.ts", 'export { assert } from "fast-check";\n')).toEqual(
      [],
    );
  });

  test("an import cycle is refused, of types alone too", () => {
    const { rules } = lint({
      "packages/codec/src/one.ts":
        'import type { Two } from "./two.ts";\nexport interface One { two: Two }\n',
      "packages/codec/src/two.ts":
        'import type { One } from "./one.ts";\nexport interface Two { one: One }\n',
    });
    expect(rules).toEqual(["noImportCycles", "noImportCycles"]);
  });
});
