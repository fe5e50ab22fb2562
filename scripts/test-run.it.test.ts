import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

// The tree's own configuration, tried on planted tests in a folder of their own (inside the tree: they import vitest).
const root = resolve(import.meta.dirname, "..");
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(import.meta.dirname, ".tmp-run-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = (files: Record<string, string>) => {
  for (const [path, source] of Object.entries(files)) {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), `import { expect, test } from "vitest";\n${source}\n`);
  }
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const args = [vitest, "run", "--root", folder, "--config", join(root, "vitest.config.ts")];
  const { stdout, status } = spawnSync(process.execPath, args, { encoding: "utf8" });
  return { lastLine: stdout.split("\n").at(-2), end: stdout.at(-1), status };
};

test("passed, failed and skipped are counted in the last line", { timeout: 60_000 }, () => {
  const result = run({
    "scripts/a.test.ts":
      'test("good", () => {}); test("bad", () => expect(1).toBe(2)); test.skip("no", () => {});',
    "packages/one/src/deep/b.test.ts": 'test("good", () => {}); test.todo("later");',
    "packages/one/test/c.it.test.ts": 'test("good", () => {});',
  });
  expect(result).toEqual({ lastLine: "3 passed, 1 failed, 2 skipped", end: "\n", status: 1 });
});

test("an unhandled rejection fails a run whose tests all pass", { timeout: 60_000 }, () => {
  const result = run({ "scripts/a.test.ts": 'test("good", () => { Promise.reject(new Error("lost")); });' });
  expect(result).toEqual({ lastLine: "1 passed, 1 failed, 0 skipped", end: "\n", status: 1 });
});

test("a file that does not load counts as failed", { timeout: 60_000 }, () => {
  const result = run({
    "scripts/a.test.ts": 'throw new Error("no");',
    "scripts/b.test.ts": 'test("good", () => {});',
  });
  expect(result).toEqual({ lastLine: "1 passed, 1 failed, 0 skipped", end: "\n", status: 1 });
});

const decorated = (decorator: string) => `
const seen: string[] = [];
const mark = ${decorator};
class Marked {
  @mark one() {}
  /** of @two lines */ @mark two() {}
}
test("decorated", () => { expect(seen).toEqual(["one", "two"]); expect(new Marked()).toBeInstanceOf(Marked); });`;

test("standard decorators run in every folder, legacy ones in folders called so", { timeout: 60_000 }, () => {
  const standard = decorated(
    "(_: unknown, c: ClassMethodDecoratorContext) => { seen.push(String(c.name)); }",
  );
  const legacy = decorated("(_: unknown, name: string) => { seen.push(name); }");
  const options = { experimentalDecorators: true };
  writeFileSync(join(folder, "tsconfig.json"), "{}");
  mkdirSync(join(folder, "packages/one/test/legacy"), { recursive: true });
  const config = join(folder, "packages/one/test/legacy/tsconfig.json");
  writeFileSync(config, JSON.stringify({ compilerOptions: options, include: ["."] }));
  const result = run({
    "packages/one/src/a.test.ts": standard,
    "packages/one/test/b.test.ts": standard,
    "examples/one/src/c.test.ts": standard,
    "packages/one/test/legacy/d.test.ts": legacy,
  });
  expect(result).toEqual({ lastLine: "4 passed, 0 failed, 0 skipped", end: "\n", status: 0 });
});
