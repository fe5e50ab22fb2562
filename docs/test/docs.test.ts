import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, describe, expect, test } from "vitest";

/**
 * Code in the pages is code: a block `ts` must compile, a block `ts run` must print what its `// =>` comments say. A block that begins with
 * `// name.ts` is that file, for the other blocks of its page.
 */
const root = resolve(import.meta.dirname, "../..");
const out = join(import.meta.dirname, ".snippets");
const registry = mkdtempSync(join(tmpdir(), "skein-docs-"));
rmSync(out, { recursive: true, force: true });
afterAll(() => rmSync(registry, { recursive: true, force: true }));

const pages = [
  "README.md",
  ...readdirSync(join(root, "docs"), { recursive: true })
    .map((file) => join("docs", String(file)))
    .filter((file) => file.endsWith(".md") && !file.includes("node_modules")),
];
const snippets = pages.flatMap((page) =>
  [...readFileSync(join(root, page), "utf8").matchAll(/^```ts( run)?\n([\s\S]*?)^```/gm)].map(
    ([, run, code = ""], i) => {
      const name = /^\/\/ ([\w.-]+\.ts)/.exec(code)?.[1] ?? `block-${i + 1}.ts`;
      const file = join(out, page.replaceAll(/[^\w]+/g, "-"), name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, `${code}\nexport {};\n`);
      return {
        page,
        name,
        file,
        run: run !== undefined,
        expected: [...code.matchAll(/\/\/ => (.*)$/gm)].map((m) => m[1]),
      };
    },
  ),
);

test("there are snippets", () => expect(snippets.length).toBeGreaterThan(5));

test("all of them compile", () => {
  const tsc = spawnSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "docs"], {
    cwd: root,
    encoding: "utf8",
  });
  expect(tsc.stdout).toBe("");
}, 60_000);

describe("those that say what they print", () => {
  test.each(snippets.filter((s) => s.run))(
    "$page $name",
    ({ file, expected }) => {
      const printed = execFileSync(process.execPath, ["--conditions=skein-source", "--import", "tsx", file], {
        cwd: root,
        encoding: "utf8",
        env: { ...process.env, SKEIN_REGISTRY: `local:${registry}/r`, SKEIN_LOG: "silent" },
      });
      expect(printed.trim().split("\n")).toEqual(expected);
    },
    30_000,
  );
});

test("tests that stand in the guides pass", () => {
  const run = spawnSync(process.execPath, ["node_modules/vitest/vitest.mjs", "run", "docs/test/.snippets"], {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, SKEIN_DOC_SNIPPETS: "1" },
  });
  // The one that is skipped: nothing stands between the guide's registry and its store that could be cut.
  expect(run.stdout).toMatch(/^[1-9]\d* passed, 0 failed, 1 skipped$/m);
}, 60_000);

test("links inside the repository lead somewhere", () => {
  for (const page of pages)
    for (const [, target = ""] of readFileSync(join(root, page), "utf8").matchAll(
      /\]\((?!https?:|#|mailto:)([^)#\s]+)/g,
    ))
      expect(
        () => readFileSync(resolve(root, dirname(page), target)),
        `${page} links to ${target}`,
      ).not.toThrow();
});

test("tests that the guides name are there", () => {
  let named = 0;
  for (const page of pages)
    for (const [, file = "", title = ""] of readFileSync(join(root, page), "utf8").matchAll(
      /\]\(([^)\s]+\.test\.ts) "([^"]+)"\)/g,
    )) {
      named++;
      const source = readFileSync(resolve(root, dirname(page), file), "utf8");
      expect(source.includes(`"${title}"`), `${page} names "${title}" of ${file}`).toBe(true);
    }
  expect(named).toBeGreaterThan(30);
});
