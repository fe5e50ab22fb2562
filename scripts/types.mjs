// Checks the types of a package's tests and type tests; run in its folder, by its script `types`.
// A folder called `legacy` holds code for legacy decorators: it is checked apart, with its own tsconfig.json.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";

const tsc = join(import.meta.dirname, "../node_modules/typescript/bin/tsc");
const skipped = /(^|[/\\])(node_modules|dist|templates|\.[^/\\]+)([/\\]|$)/;
const legacy = ["src", "test"]
  .filter((folder) => existsSync(folder))
  .flatMap((folder) => readdirSync(folder, { recursive: true }).map((file) => join(folder, String(file))))
  .filter((file) => /[/\\]legacy[/\\]tsconfig\.json$/.test(file) && !skipped.test(dirname(file)));

let failed = false;
for (const project of ["tsconfig.test.json", ...legacy]) {
  const { status } = spawnSync(process.execPath, [tsc, "-p", project, "--pretty"], { stdio: "inherit" });
  if (status !== 0) failed = true;
}
process.exit(failed ? 1 : 0);
