// npm run bench: builds what is measured (never run from source), then hands over to dist/.
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
const args = process.argv.slice(2);
try {
  if (args.includes("--micro")) {
    const { micro } = await import("./dist/micro/main.js");
    process.exitCode = await micro(args.filter((arg) => arg !== "--micro"));
  } else {
    const { main } = await import("./dist/main.js");
    process.exitCode = await main(args);
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
