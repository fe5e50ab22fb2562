import { transform } from "esbuild";
import { defineConfig, type Plugin } from "vitest/config";

const conditions = ["skein-source"];

/** Vite 8 (oxc) lowers legacy decorators with metadata but leaves TC39 ones as they are: esbuild lowers those. */
const tc39 = (): Plugin => ({
  name: "tc39-decorators",
  enforce: "pre",
  async transform(code, id) {
    const file = id.split("?")[0] ?? id;
    if (
      !/\.[cm]?ts$/.test(file) ||
      /\/(node_modules|legacy)\//.test(file) ||
      !/^\s*(export\s+(default\s+)?)?@\w/m.test(code)
    )
      return null;
    const r = await transform(code, {
      loader: "ts",
      sourcefile: file,
      sourcemap: "external",
      target: "es2022",
      tsconfigRaw: { compilerOptions: { useDefineForClassFields: true, verbatimModuleSyntax: true } },
    });
    return { code: r.code, map: r.map };
  },
});

export default defineConfig({
  plugins: [tc39()],
  resolve: { conditions: [...conditions, "module", "node", "development|production"] },
  ssr: { resolve: { conditions: [...conditions, "module", "node", "development|production"] } },
  test: {
    reporters: ["default", "./scripts/plain-reporter.mjs"],
    include: ["packages/*/{src,test}/**/*.test.ts", "examples/*/{src,test}/**/*.test.ts", "docs/test/*.test.ts", "scripts/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**", "packages/create-skein/templates/**"],
    typecheck: { include: ["packages/*/{src,test}/**/*.test-d.ts"], tsconfig: "tsconfig.types.json" },
  },
});
