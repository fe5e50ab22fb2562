import { join } from "node:path";
import { transform } from "esbuild";
import { configDefaults, defineConfig, type Plugin, type TestProjectConfiguration } from "vitest/config";

/** A decorator at the start of a line or within one, on a line that is no comment. Too much costs a transform, no more. */
const decorated = /^(?!\s*(?:\*|\/\/|\/\*)).*?(?:^|[\s{;(])@[A-Za-z_$]/m;

/**
 * Vite 8 (oxc) lowers legacy decorators but leaves standard ones as they are, which Node refuses: esbuild lowers those.
 * Folders called `legacy` hold code for legacy decorators, with a tsconfig.json that says so: Vite reads it.
 */
const standardDecorators = (): Plugin => ({
  name: "standard-decorators",
  enforce: "pre",
  async transform(code, id) {
    const file = id.split("?")[0] ?? id;
    if (!/\.[cm]?ts$/.test(file) || /\/(node_modules|legacy)\//.test(file) || !decorated.test(code))
      return null;
    const lowered = await transform(code, {
      loader: "ts",
      sourcefile: file,
      sourcemap: "external",
      target: "es2022",
      tsconfigRaw: { compilerOptions: { useDefineForClassFields: true, verbatimModuleSyntax: true } },
    });
    return { code: lowered.code, map: lowered.map };
  },
});

// Packages are tested from their source: no build before a test, no stale output in it.
const conditions = ["skein-source", "module", "node", "development|production"];
const folders = ["packages/*/{src,test}/**", "examples/*/{src,test}/**", "docs/test/**", "scripts"];
// Tests that stand in the guides are run by the test of the guides.
const snippets = process.env.SKEIN_DOC_SNIPPETS === undefined ? ["**/.snippets/**"] : [];
const exclude = [...configDefaults.exclude, "**/dist/**", "packages/create-skein/templates/**", ...snippets];

/** Registries' suites and faults: they wait for leases to end and for servers to come back, and cost little meanwhile: two run side by side. Each has servers and ports of its own. */
const waiting = [
  "packages/{consul,etcd,mdns,nats}/src/**/{conformance,faults,processes}.it.test.ts",
  "packages/cli/test/registry-faults.it.test.ts",
  "packages/integration/test/{consul,etcd}-*.it.test.ts",
  "packages/integration/test/grpc-resolver.it.test.ts",
  "packages/registry/src/**/*.it.test.ts",
];

const sideBySide: TestProjectConfiguration = {
  extends: true,
  test: {
    name: "waiting",
    include: waiting,
    exclude,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    maxWorkers: 2,
    sequence: { groupOrder: 1 },
  },
};

const integration: TestProjectConfiguration = {
  // Real processes, ports and signals: after the rest, one file at a time, so that none starves another.
  extends: true,
  test: {
    name: "integration",
    include: folders.map((folder) => `${folder}/*.it.test.ts`),
    exclude: [...exclude, ...waiting],
    testTimeout: 20_000,
    hookTimeout: 20_000,
    maxWorkers: 1,
    sequence: { groupOrder: 2 },
  },
};

export default defineConfig({
  plugins: [standardDecorators()],
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    // A busy machine may stand still for a second; after 5 s a call's deadline would do what a test waits for.
    expect: { poll: { timeout: 4000 } },
    reporters: ["default", join(import.meta.dirname, "scripts/plain-reporter.mjs")],
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: folders.map((folder) => `${folder}/*.test.ts`),
          exclude: [...exclude, "**/*.it.test.ts"],
          // Against what hangs: many are long sums, and a busy machine takes several times as long for them.
          testTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      sideBySide,
      integration,
    ],
  },
});
