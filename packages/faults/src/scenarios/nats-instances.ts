import { fact, figure, outcome } from "../findings.ts";
import { checkLedger } from "../ledger/check.ts";
import type { Outcome, Scenario } from "../scenario.ts";
import { latencies, latest, quantile } from "../stage/measure.ts";
import { noNats } from "../stage/nats-server.ts";
import { NatsTown } from "../stage/nats-town.ts";
import type { ServiceProcess } from "../stage/service-process.ts";
import { mixedLoad } from "./load.ts";
import { roll } from "./rolling.ts";

const RATE = 200;
const TIMEOUT_MS = 5000;
const HANDLER_MS = 20;

export const natsKill: Scenario = {
  name: "nats-kill",
  fault: "NATS alone: kill -9 one of three under load",
  control: "no retries",
  skip: noNats,
  async run(stage, { full, control }) {
    const times = full ? 20 : 3;
    const town = await NatsTown.start(stage, { full });
    const client = await town.client({ retries: !control });
    const load = mixedLoad(stage, client, {
      ratePerSecond: RATE,
      timeoutMs: TIMEOUT_MS,
      ms: () => HANDLER_MS,
    });
    await load.more(RATE / 2);
    for (let i = 0; i < times; i++) {
      await (town.services.shift() as ServiceProcess).end("SIGKILL");
      await load.more(RATE / 2);
      const successor = await town.join();
      await load.answeredBy(successor.pid);
    }
    const calls = await load.stop();
    const facts = checkLedger(calls, town.executions());
    const left = await town.end();
    const answered = latencies(calls);
    return outcome(facts, [
      fact("connections left at NATS after all have closed", left, 0),
      figure("not idempotent, cut in mid-call", facts.unknown, ""),
      figure("after its deadline", latest(calls), "ms", 20),
      figure("p99", quantile(answered, 0.99), "ms"),
      figure("slowest", quantile(answered, 1), "ms", 2000),
    ]);
  },
};

export const natsRolling: Scenario = {
  name: "nats-rolling",
  fault: "NATS alone: rolling SIGTERM, handlers of 0-2 s, streams open",
  control: "servers that do not drain (a grace of 1 ms)",
  skip: noNats,
  async run(stage, { full, control }): Promise<Outcome> {
    const settings = control ? { serve: { graceMs: 1 } } : {};
    const town = await NatsTown.start(stage, { full, settings });
    const rolled = await roll(stage, {
      rounds: full ? 3 : 1,
      client: await town.client(),
      services: [...town.services],
      start: () => town.join(),
      executions: () => town.executions(),
    });
    const left = await town.end();
    return {
      ...rolled,
      findings: [...rolled.findings, fact("connections left at NATS after all have closed", left, 0)],
    };
  },
};
