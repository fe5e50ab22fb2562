import { describe, expect, test } from "vitest";
import { judgeGoals } from "./goals.ts";
import { renderMarkdown } from "./markdown.ts";
import { natsBinary } from "./nats-server.ts";
import { isInstalled } from "./peers.ts";
import type { BenchResults } from "./results.ts";
import { type RunOptions, runBench } from "./run.ts";
import { mergeResults, summarise } from "./summary.ts";

const base = "raw-net:no-rec,early=4096";
const short: RunOptions = {
  adapters: [base],
  base,
  starts: 1,
  rounds: 1,
  seconds: 0.02,
  warmSeconds: 0.02,
  concurrencies: [1, 64],
  phases: ["conc", "half", "10k", "1m", "stream"],
  nodeBinary: process.execPath,
  log: () => {},
};
const START_MS = 30_000;

function hasNats(): boolean {
  try {
    return natsBinary() !== "";
  } catch (error) {
    if (process.env.CI === "true") throw error;
    return false;
  }
}

const folders = ["moleculer", "nest"].filter(isInstalled);

describe("a run of the whole harness", () => {
  test("measures each adapter in each phase, and its table and JSON have the rows", {
    timeout: START_MS,
  }, async () => {
    const async = `${base},async`;
    const results = await runBench({ ...short, adapters: [base, async] });
    expect(results.absent).toEqual([]);
    const rows = summarise(results);
    expect(rows.map((r) => [r.phase, r.adapter, r.rounds, r.errors])).toEqual(
      ["c1", "c64", "half", "10k", "1m", "stream"].flatMap((phase) => [
        [phase, base, 1, 0],
        [phase, async, 1, 0],
      ]),
    );
    for (const row of rows) {
      // Of an open loop only answers within the slice are of the rate: on a busy machine there may be none.
      if (row.phase !== "half") expect(row.rate).toBeGreaterThan(0);
      expect(row.clientCpuUs).toBeGreaterThan(0);
      if (row.adapter === base) expect(row.rateRatio).toEqual({ median: 1, low: 1, high: 1 });
    }
    expect(rows.filter((r) => r.latency).map((r) => r.phase)).toEqual(["c1", "c1", "half", "half"]);

    const table = renderMarkdown(results).split("\n");
    expect(table).toContain(
      "| adapter | 1 in flight | 64 in flight | CPU at 64 | p50 at 1 | p99 at 1 | p50 at half load | p99 at half load | 10 KB | 1 MiB | stream |",
    );
    expect(table).toContain(`| ${base} |${" 1.00 |".repeat(10)}`);
    expect(table.filter((line) => line.startsWith(`| ${async} |`))).toHaveLength(1 + 6);

    const reread = JSON.parse(JSON.stringify(results)) as BenchResults;
    expect(summarise(mergeResults([reread]))).toEqual(rows);
  });

  test("our own adapter runs in each of its variants", { timeout: 2 * START_MS }, async () => {
    const ours = ["skein", "skein:context,interceptor,json"];
    const results = await runBench({ ...short, phases: ["conc", "1m", "stream"], adapters: ours });
    expect(results.absent).toEqual([]);
    expect(summarise(results).map((r) => [r.phase, r.adapter, r.errors])).toEqual(
      ["c1", "c64", "1m", "stream"].flatMap((phase) => ours.map((adapter) => [phase, adapter, 0])),
    );
  });

  // What nothing has to be fetched for: `--nats` installs the peers.
  const overNats = ["nats-raw", "skein:nats", ...folders.map((name) => `${name}:nats`)];
  test.skipIf(!hasNats())(
    "over NATS ours and the peers that are installed run, through a server of the run's own",
    {
      timeout: 3 * START_MS,
    },
    async () => {
      const phases: RunOptions["phases"] = ["conc", "10k", "900k", "1m", "stream"];
      const results = await runBench({
        ...short,
        base: "nats-raw",
        size: "300b",
        phases,
        adapters: overNats,
      });
      expect(results.absent).toEqual([]);
      expect(summarise(results).map((r) => [r.phase, r.adapter, r.errors])).toEqual(
        ["c1", "c64", "10k", "900k", "stream"].flatMap((phase) =>
          overNats.map((adapter) => [phase, adapter, 0]),
        ),
      );
      const goals = judgeGoals(results).map((goal) => [goal.phase, goal.bound]);
      expect(goals.slice(0, 2)).toEqual([
        ["c64", 1.5],
        ["c1", 0.9],
      ]);
    },
  );

  test("an adapter that fails is named with its reason, and the others go on", {
    timeout: START_MS,
  }, async () => {
    const broken = "raw-net:no-such-switch";
    const results = await runBench({
      ...short,
      phases: ["conc"],
      concurrencies: [1],
      adapters: [broken, base],
    });
    expect(results.measurements.map((m) => m.adapter)).toEqual([base]);
    expect(results.absent).toEqual([
      {
        adapter: broken,
        kind: "failed",
        reason: expect.stringContaining('raw-net does not know "no-such-switch"'),
      },
    ]);
    expect(renderMarkdown(results)).toContain(`- ${broken} failed: the process ended (exit code 1)`);
  });

  test("a Node that is not there is said", async () => {
    const results = await runBench({ ...short, nodeBinary: "/no/such/node" });
    expect(results.measurements).toEqual([]);
    expect(results.absent.map((a) => a.reason)).toEqual(["could not be started: spawn /no/such/node ENOENT"]);
  });
});
