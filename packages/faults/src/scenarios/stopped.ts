import { figure, outcome } from "../findings.ts";
import { checkLedger } from "../ledger/check.ts";
import type { CallRecord } from "../ledger/records.ts";
import type { Scenario } from "../scenario.ts";
import { backAfter } from "../stage/back-after.ts";
import { latest, sleep } from "../stage/measure.ts";
import type { ServiceProcess } from "../stage/service-process.ts";
import { wallClock } from "../stage/wall-clock.ts";
import { mixedLoad } from "./load.ts";
import { SILENT } from "./silent.ts";

const RATE = 200;
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
    const policy = control ? SILENT : {};
    const mix = { timeoutMs: TIMEOUT_MS, ms: () => 2 };
    const load = mixedLoad(stage, stage.client({ policy }), { ...mix, ratePerSecond: RATE });
    // Taking turns, it goes on asking the one that stands still until that is suspected.
    const turns = mixedLoad(stage, stage.client({ policy, selector: "round-robin" }), {
      ...mix,
      ratePerSecond: RATE / 4,
      prefix: "turn",
    });
    const victim = services[0] as ServiceProcess;
    await Promise.all([load.more(RATE), turns.answeredBy(victim.pid)]);
    const stoppedAt = wallClock();
    victim.signal("SIGSTOP");
    await sleep(stopMs);
    const continuedAt = wallClock();
    victim.signal("SIGCONT");
    const back = await backAfter(turns, victim.pid, continuedAt, MOST_BACK_MS);
    const calls = [...(await load.stop()), ...(await turns.stop())];
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
