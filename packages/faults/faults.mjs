// npm run faults: builds what is tried (never run from source), then hands over to dist/.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const compiler = join(here, "..", "..", "node_modules", "typescript", "bin", "tsc");
const built = spawnSync(process.execPath, [compiler, "-b", here], { stdio: ["ignore", 2, 2] });
if (built.status !== 0) {
  console.error("The build failed: see above.");
  process.exit(1);
}
const { main } = await import("./dist/main.js");
process.exitCode = await main(process.argv.slice(2));
