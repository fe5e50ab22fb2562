import { figure, outcome } from "../findings.ts";
import { checkLedger } from "../ledger/check.ts";
import type { Outcome, Scenario } from "../scenario.ts";
import { backAfter } from "../stage/back-after.ts";
import { behindProxies } from "../stage/fault-proxy.ts";
import { latencies, latest, quantile, sleep } from "../stage/measure.ts";
import type { Stage } from "../stage/stage.ts";
import { wallClock } from "../stage/wall-clock.ts";
import { mixedLoad } from "./load.ts";
import { SILENT } from "./silent.ts";

const RATE = 200;
const TIMEOUT_MS = 4000;
/** Dialling again waits its turn, a backoff of up to 5 s. */
const BACK_MS = 6000;

/** A partition between the client and some of its servers. */
export interface Cut {
  /** Where clients find the servers. */
  readonly registry: string;
  /** A server that is cut off. */
  readonly victim: number;
  begin(): Promise<void> | void;
  heal(): Promise<void> | void;
}

/** Under load, with another client that takes turns: it goes on asking whoever is cut off until that is suspected. */
export async function underCut(stage: Stage, cut: Cut, ms: number, control: boolean): Promise<Outcome> {
  const { registry, victim } = cut;
  const options = { registry, policy: control ? SILENT : {} };
  const load = mixedLoad(stage, stage.client(options), {
    ratePerSecond: RATE,
    timeoutMs: TIMEOUT_MS,
    ms: () => 2,
  });
  const turns = mixedLoad(stage, stage.client({ ...options, selector: "round-robin" }), {
    ...{ ratePerSecond: RATE / 4, timeoutMs: TIMEOUT_MS, ms: () => 2, prefix: "turn" },
  });
  await Promise.all([load.more(RATE), turns.answeredBy(victim)]);
  await cut.begin();
  await sleep(ms);
  await cut.heal();
  const back = await backAfter(turns, victim, wallClock(), 2 * BACK_MS);
  const calls = [...(await load.stop()), ...(await turns.stop())];
  const facts = checkLedger(calls, stage.executions());
  return outcome(facts, [
    figure("not idempotent, unknown", facts.unknown, ""),
    figure("after its deadline", latest(calls), "ms", 20),
    figure("back after healing", back, "ms", BACK_MS),
    figure("p99", quantile(latencies(calls), 0.99), "ms"),
  ]);
}

export const partition: Scenario = {
  name: "partition",
  fault: "silent partition between the client and one of three servers",
  control: "no PING: silence says nothing",
  async run(stage, { full, control }) {
    const services = await stage.startMany(3);
    const { proxies, registry } = await behindProxies(
      stage,
      services.map((s) => s.port),
    );
    const [proxy] = proxies as [(typeof proxies)[number]];
    const cut: Cut = {
      registry,
      victim: services[0]?.pid as number,
      begin: () => proxy.disturb({ stall: true }),
      heal: () => proxy.heal(),
    };
    return underCut(stage, cut, full ? 30_000 : 5000, control);
  },
};
