import { figure, outcome } from "../findings.ts";
import { checkLedger } from "../ledger/check.ts";
import type { CallRecord } from "../ledger/records.ts";
import type { Scenario } from "../scenario.ts";
import { backAfter } from "../stage/back-after.ts";
import { latest, sleep } from "../stage/measure.ts";
import { wallClock } from "../stage/open-load.ts";
import type { ServiceProcess } from "../stage/service-process.ts";
import { mixedLoad } from "./load.ts";

const TIMEOUT_MS = 5000;
const MOST_BACK_MS = 5000;
/** Handlers take 2 ms. */
const SOON_MS = 400;

/** When the last call was sent that did not get its answer soon: until then the instance was picked, and not suspected. */
function lastSlow(calls: readonly CallRecord[]): number {
  return Math.max(0, ...calls.filter((c) => c.endedAt - c.sentAt > SOON_MS).map((c) => c.sentAt));
}

export const stopped: Scenario = {
  name: "stopped",
  fault: "SIGSTOP of one of three",
  control: "no PING: silence says nothing",
  async run(stage, { full, control }) {
    const stopMs = full ? 30_000 : 7000;
    const services = await stage.startMany(3);
    const silence = { quietMs: 1e8, suspectMs: 1e8, silentMs: 1e8, deadAfterMs: 1e8 };
    const client = stage.client(control ? { policy: { liveness: silence, ejection: false } } : {});
    const load = mixedLoad(stage, client, { ratePerSecond: 200, timeoutMs: TIMEOUT_MS, ms: () => 2 });
    await load.more(200);
    const victim = services[0] as ServiceProcess;
    const stoppedAt = wallClock();
    victim.signal("SIGSTOP");
    await sleep(stopMs);
    const continuedAt = wallClock();
    victim.signal("SIGCONT");
    const back = await backAfter(load, victim.pid, continuedAt, MOST_BACK_MS);
    const calls = await load.stop();
    const facts = checkLedger(calls, stage.executions());
    const during = calls.filter((c) => c.sentAt >= stoppedAt && c.sentAt < continuedAt - TIMEOUT_MS / 2);
    const suspectedAt = lastSlow(during);
    return outcome(facts, [
      figure("not idempotent, unknown", facts.unknown, ""),
      figure("suspected after", Math.max(0, suspectedAt - stoppedAt), "ms", 2000),
      figure("after its deadline", latest(calls), "ms", 20),
      figure("back after CONT", back, "ms", 2000),
    ]);
  },
};
