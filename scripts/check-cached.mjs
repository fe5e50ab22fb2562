// node scripts/check-cached.mjs TASK… [--filter=PACKAGE…], after the same run of turbo: says whether the same run again would find everything in the cache, and what it would not.
import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const turbo = [join(root, "scripts/bootstrap.mjs"), "pnpm", "-s", "exec", "turbo"];
const { stdout, stderr, status } = spawnSync(
  process.execPath,
  [...turbo, "run", ...process.argv.slice(2), "--dry=json"],
  { cwd: root, encoding: "utf8" },
);
if (status !== 0) {
  console.error(stdout, stderr);
  process.exit(1);
}
/** @type {{ taskId: string, command: string, cache: { status: string } }[]} */
const planned = JSON.parse(stdout).tasks.filter(
  (/** @type {{ command: string }} */ { command }) => command !== "<NONEXISTENT>",
);
const missed = planned.filter(({ cache }) => cache.status !== "HIT");
for (const { taskId } of missed) console.error(`not cached: ${taskId}`);
console.log(`${planned.length - missed.length} of ${planned.length} tasks cached`);
process.exit(missed.length > 0 || planned.length === 0 ? 1 : 0);
