import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { transform as swc } from "@swc/core";
import { transform as esbuild } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectedSummary } from "./expected-summary.ts";
import { createScratch, root } from "./scratch.ts";

// What users' own compilers make of the decorators. Vitest itself: standard/ and legacy/.
const run = promisify(execFile);
const scratch = createScratch();
const source = readFileSync(join(import.meta.dirname, "standard/decorated.ts"), "utf8");
const MAIN = `import { call, summarize } from "./decorated.js";
console.log(JSON.stringify([summarize(), await call()]));
`;

beforeAll(() => scratch.installCore({ in: ".", reflectMetadata: "own" }));
afterAll(() => scratch[Symbol.dispose]());

describe.each(["standard", "legacy"] as const)("%s decorators", (kind) => {
  const experimentalDecorators = kind === "legacy";
  const config = (target: string) =>
    JSON.stringify({
      compilerOptions: { target, module: "nodenext", experimentalDecorators, outDir: "out", rootDir: "." },
      files: ["main.ts"],
    });
  const project = (name: string, target = "es2022"): string => {
    scratch.write(`${name}/decorated.ts`, source);
    scratch.write(`${name}/main.ts`, MAIN);
    scratch.write(`${name}/tsconfig.json`, config(target));
    return join(scratch.folder, name);
  };
  const expectRight = async (...args: string[]) =>
    expect(await scratch.node(...args)).toEqual([expectedSummary, "u-1! ann ,ann ,mail ann user.created"]);

  const tsc = async (target: string): Promise<string> => {
    const folder = project(`tsc-${kind}-${target}`, target);
    const bin = join(root, "node_modules/typescript/bin/tsc");
    await run(process.execPath, [bin, "-p", folder, "--noCheck"], { cwd: folder });
    return join(folder, "out/main.js");
  };

  test("tsc", async () => {
    await expectRight(await tsc("es2022"));
  });

  // Node runs ES2022: nobody has to. Called, the method says what to do (to-definition.test.ts).
  test("tsc to ES2017 lowers async generators to functions, which then have to say their kind", async () => {
    const endpoints = expectedSummary.endpoints.map((line) =>
      line.replace("watch server-stream", "watch unary"),
    );
    expect(await scratch.node(await tsc("es2017"))).toEqual([
      { ...expectedSummary, endpoints },
      "u-1! ann ,ann ,mail ann user.created",
    ]);
  });

  test("tsx", async () => {
    const folder = project(`tsx-${kind}`);
    const tsx = join(root, "node_modules/tsx/dist/cli.mjs");
    await expectRight(tsx, "--tsconfig", join(folder, "tsconfig.json"), join(folder, "main.ts"));
  });

  test.each([false, true])("esbuild, minified: %s", async (minify) => {
    const { code } = await esbuild(source, {
      loader: "ts",
      target: "es2022",
      minify,
      keepNames: true,
      tsconfigRaw: { compilerOptions: { experimentalDecorators } },
    });
    scratch.write(`esbuild-${kind}/decorated.js`, code);
    await expectRight(scratch.write(`esbuild-${kind}/main.js`, MAIN));
  });

  test("swc", async () => {
    const { code } = await swc(source, {
      swcrc: false,
      configFile: false,
      jsc: {
        target: "es2022",
        parser: { syntax: "typescript", decorators: true },
        transform: experimentalDecorators ? { legacyDecorator: true } : { decoratorVersion: "2022-03" },
      },
    });
    scratch.write(`swc-${kind}/decorated.js`, code);
    await expectRight(scratch.write(`swc-${kind}/main.js`, MAIN));
  });
});
