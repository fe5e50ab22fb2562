import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findProblems, modulesNamedBy } from "./check-deps.mjs";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "skein-deps-"));
  write("tsconfig.json", { references: [] });
  for (const name of ["core", "codec", "transport", "conformance"]) plant(`@skein/${name}`);
  plant("skein");
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const write = (path: string, content: unknown): void => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), typeof content === "string" ? content : JSON.stringify(content));
};

interface Planted {
  dependencies?: string[];
  devDependencies?: string[];
  peerDependencies?: string[];
  /** Of the peers, those that need not be there. */
  optional?: string[];
  references?: string[];
  files?: Record<string, string>;
}
const folderOf = (name: string): string => name.replace("@skein/", "");
const versions = (names: string[] = []) => Object.fromEntries(names.map((name) => [name, "workspace:^"]));
const built = new Map<string, Set<string>>();

/** Writes a package anew; its tsconfig.json refers to its dependencies of ours unless `references` says otherwise. */
function plant(name: string, { files = {}, ...given }: Planted = {}): void {
  const { dependencies = [], devDependencies = [], peerDependencies = [] } = given;
  const references =
    given.references ?? [...dependencies, ...peerDependencies].filter((d) => d.includes("skein"));
  const folder = `packages/${folderOf(name)}`;
  rmSync(join(root, folder), { recursive: true, force: true });
  write(`${folder}/package.json`, {
    name,
    dependencies: versions(dependencies),
    devDependencies: versions(devDependencies),
    peerDependencies: versions(peerDependencies),
    peerDependenciesMeta: Object.fromEntries(
      (given.optional ?? []).map((peer) => [peer, { optional: true }]),
    ),
  });
  write(`${folder}/tsconfig.json`, { references: references.map((d) => ({ path: `../${folderOf(d)}` })) });
  for (const [path, source] of Object.entries(files)) write(`${folder}/${path}`, source);
  const all = built.get(root) ?? built.set(root, new Set()).get(root);
  all?.add(folder);
  write("tsconfig.json", { references: [...(all ?? [])].map((path) => ({ path })) });
}

describe("an optional peer", () => {
  const peers = { peerDependencies: ["@skein/core", "@skein/grpc"], optional: ["@skein/grpc"] };
  const withSource = (source: string, more: Planted = {}): string[] => {
    plant("@skein/grpc", { dependencies: ["@skein/core"] });
    plant("@skein/http", { ...peers, ...more, files: { "src/a.ts": source } });
    return findProblems(root);
  };

  test("may be loaded with import(), and its types be imported", () =>
    expect(
      withSource(
        'import type { A } from "@skein/grpc";\nexport type { A } from "@skein/grpc";\nexport const a = () => import("@skein/grpc");',
      ),
    ).toEqual([]));

  test.each([
    'import { a } from "@skein/grpc";',
    'import "@skein/grpc";',
    'export { a } from "@skein/grpc";',
  ])("may not be loaded with the package: %s", (source) =>
    expect(withSource(source)).toEqual([
      'packages/http/src/a.ts: "@skein/grpc" is an optional peer: load it with import()',
    ]),
  );

  test("must be said to be one", () =>
    expect(withSource("", { optional: [] })).toEqual([
      "@skein/http: wrong direction: a kit may not depend on @skein/grpc (backend)",
    ]));
});

describe("package.json", () => {
  test("the right direction passes", () => {
    plant("@skein/codec", { dependencies: ["@skein/core"], devDependencies: ["@skein/conformance"] });
    plant("skein", { dependencies: ["@skein/core", "@skein/codec"] });
    plant("@skein/etcd", { dependencies: ["@skein/core"] });
    plant("@skein/testing", { dependencies: ["skein"] });
    expect(findProblems(root)).toEqual([]);
  });

  test.each([
    ["@skein/core", "@skein/codec", "core", "kit"],
    ["@skein/codec", "@skein/transport", "kit", "kit"],
    ["@skein/codec", "skein", "kit", "main"],
    ["@skein/codec", "@skein/conformance", "kit", "suite"],
    ["skein", "@skein/etcd", "main", "backend"],
    ["skein", "@skein/testing", "main", "user"],
    ["@skein/etcd", "skein", "backend", "main"],
    ["@skein/conformance", "skein", "suite", "main"],
    ["create-skein", "skein", "tool", "main"],
  ])("%s may not depend on %s", (name, other, kind, otherKind) => {
    plant(other);
    plant(name, { dependencies: [other] });
    expect(findProblems(root)).toEqual([
      `${name}: wrong direction: a ${kind} may not depend on ${other} (${otherKind})`,
    ]);
  });

  test("a peer dependency counts as one", () => {
    plant("@skein/core", { peerDependencies: ["skein"] });
    expect(findProblems(root)).toEqual([
      "@skein/core: wrong direction: a core may not depend on skein (main)",
    ]);
  });

  test("the suites are for the development of kits and backends alone", () => {
    plant("skein", { devDependencies: ["@skein/conformance"] });
    expect(findProblems(root)).toEqual([
      "skein: wrong direction: a main may not have @skein/conformance as a devDependency",
    ]);
  });

  test("an unknown package is asked for its kind", () => {
    plant("@skein/surprise");
    expect(findProblems(root)).toEqual(["@skein/surprise: give it a kind in scripts/check-deps.mjs"]);
  });
});

describe("source", () => {
  const inCodec = (source: string, path = "src/deep/planted.ts") => {
    plant("@skein/codec", { dependencies: ["@skein/core"], files: { [path]: source } });
    return findProblems(root);
  };
  const at = "packages/codec/src/deep/planted.ts";

  test.each([
    ['import { serve } from "skein";', "skein"],
    ['import type { Served } from "skein";', "skein"],
    ['import "skein/internal";', "skein/internal"],
    ['export { dial } from "@skein/transport/tcp";', "@skein/transport/tcp"],
    ['export * from "@skein/transport";', "@skein/transport"],
    ['export const load = () => import("@skein/etcd");', "@skein/etcd"],
    ['export type T = import("skein").T;', "skein"],
    ['declare module "skein" { interface Services { a: 1 } }\nexport {};', "skein"],
  ])("%s is refused in a kit", (source, specifier) => {
    expect(inCodec(`${source}\n`)).toEqual([`${at}: wrong direction: a kit may not import "${specifier}"`]);
  });

  test("what it may import must be declared", () => {
    plant("@skein/transport", { files: { "src/a.ts": 'export type { Codec } from "@skein/core";\n' } });
    expect(findProblems(root)).toEqual([
      'packages/transport/src/a.ts: "@skein/core" is not among its dependencies',
    ]);
    plant("@skein/transport");
    expect(inCodec('export { pack } from "msgpackr";\n')).toEqual([
      `${at}: "msgpackr" is not among its dependencies`,
    ]);
  });

  test("Node, relative paths, comments and strings pass", () => {
    const source = [
      'import { join } from "node:path";',
      'import { near } from "../near.ts";',
      '/** import { serve } from "skein"; */',
      'const text = `\nimport { serve } from "skein";\n`;',
      "export { join, near, text };",
    ];
    expect(inCodec(source.join("\n"))).toEqual([]);
  });

  test("a path into another package is refused", () => {
    expect(inCodec('export { x } from "../../../core/src/x.ts";\n')).toEqual([
      `${at}: "../../../core/src/x.ts" leaves the package: import the other by its name`,
    ]);
  });

  test("fakes stay out of what ships", () => {
    expect(inCodec('export { createFakeClock } from "@skein/core/testing";\n')).toEqual([
      `${at}: "@skein/core/testing" is for tests: a kit may not ship with it`,
    ]);
  });

  test.each([
    "src/a.test.ts",
    "src/a.it.test.ts",
    "src/a.test-d.ts",
    "src/deep/test/helper.ts",
    "src/legacy/a.ts",
  ])("%s is no source", (path) => {
    expect(inCodec('import { serve } from "skein";\nserve();\n', path)).toEqual([]);
  });

  test("decorators do not hide an import", () => {
    const file = join(root, "a.ts");
    writeFileSync(file, 'import { Rpc } from "skein";\n@Rpc() export class A { @Rpc() go(): void {} }\n');
    expect(modulesNamedBy(file)).toEqual(["skein"]);
  });
});

describe("tsconfig.json", () => {
  test("a dependency without a reference is named", () => {
    plant("@skein/codec", { dependencies: ["@skein/core"], references: [] });
    expect(findProblems(root)).toEqual(["@skein/codec: tsconfig.json has no reference to @skein/core"]);
  });

  test("a reference without a dependency is named", () => {
    plant("@skein/codec", { references: ["@skein/core"] });
    expect(findProblems(root)).toEqual([
      "@skein/codec: tsconfig.json refers to @skein/core, no dependency of it",
    ]);
  });

  test("a package that the whole build misses is named", () => {
    write("tsconfig.json", { references: [{ path: "packages/core" }] });
    expect(findProblems(root)).toContain("tsconfig.json: no reference to skein, so no build of it");
  });
});

test("the command fails on a planted wrong direction and passes on the tree as it is", () => {
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [join(import.meta.dirname, "check-deps.mjs"), ...args], { encoding: "utf8" });
  plant("@skein/core", { dependencies: ["skein"] });
  const broken = run(root);
  expect(broken.stderr).toBe("@skein/core: wrong direction: a core may not depend on skein (main)\n");
  expect(broken.status).toBe(1);
  const ours = run(resolve(import.meta.dirname, ".."));
  expect(ours.stderr).toBe("");
  expect(ours.status).toBe(0);
});
