// The long tests against real servers, with each version of them: npm run test:servers [-- FILTER]. Minutes.
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const vitest = join(import.meta.dirname, "../node_modules/vitest/vitest.mjs");
const filters = process.argv.slice(2);
const suites = filters.length > 0 ? filters : ["packages/etcd", "packages/consul", "packages/integration"];
let failed = false;
for (const etcd of ["etcd", "etcd-current"]) {
  console.log(`\n=== ${etcd === "etcd" ? "Debian's etcd" : "a current etcd"}`);
  const { status } = spawnSync(process.execPath, [vitest, "run", "--project", "integration", ...suites], {
    stdio: "inherit",
    env: { ...process.env, CI: "true", SKEIN_TEST_ETCD: etcd, SKEIN_TEST_EXTENDED: "true" },
  });
  if (status !== 0) failed = true;
}
process.exit(failed ? 1 : 0);
