import { atLeast, figure, outcome } from "../findings.ts";
import { checkLedger } from "../ledger/check.ts";
import type { Scenario } from "../scenario.ts";
import { latencies, quantile, sharesByPid, sleep } from "../stage/measure.ts";
import type { ServiceProcess } from "../stage/service-process.ts";
import { wallClock } from "../stage/wall-clock.ts";
import { mixedLoad } from "./load.ts";

/** Until code is compiled and all are connected to. */
const COLD_MS = 1000;

export const slow: Scenario = {
  name: "slow",
  fault: "one of three 100 x slower",
  control: "round-robin, without ejection",
  async run(stage, { full, control }) {
    const seconds = full ? 20 : 5;
    const services = await stage.startMany(3);
    const client = stage.client(control ? { selector: "round-robin", policy: { ejection: false } } : {});
    const load = mixedLoad(stage, client, { ratePerSecond: 300, timeoutMs: 5000, ms: () => 10 });
    await sleep(COLD_MS);
    const warmAt = wallClock();
    await sleep(seconds * 500);
    const victim = services[0] as ServiceProcess;
    const slowAt = wallClock();
    victim.tell({ kind: "slow", factor: 100 });
    await sleep(seconds * 1000 + 1000);
    const calls = await load.stop();
    const facts = checkLedger(calls, stage.executions());
    const before = calls.filter((c) => c.sentAt > warmAt && c.sentAt < slowAt);
    const after = calls.filter((c) => c.sentAt > slowAt + 1000);
    const share = ((sharesByPid(after).get(victim.pid) ?? 0) / after.length) * 100;
    const [base, now] = [before, after].map((some) => quantile(latencies(some), 0.99)) as [number, number];
    return outcome(facts, [
      figure("its share after 1 s", share, "%", 1),
      figure("p99 before", base, "ms"),
      figure("p99 after, of before", now / base, "x", 2),
      atLeast("calls judged", after.length, "", 100),
    ]);
  },
};
