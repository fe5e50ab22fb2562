import type { Client } from "skein";
import { atLeast, fact, figure, outcome } from "../findings.ts";
import { checkLedger } from "../ledger/check.ts";
import type { LedgerApi } from "../programs/protocol.ts";
import type { Scenario } from "../scenario.ts";
import { backAfter } from "../stage/back-after.ts";
import { latest, sleep } from "../stage/measure.ts";
import { noNats, subjectsAt, subscribedAt } from "../stage/nats-server.ts";
import { NatsTown } from "../stage/nats-town.ts";
import { OpenLoad, type Planned } from "../stage/open-load.ts";
import type { ServiceProcess } from "../stage/service-process.ts";
import type { Stage } from "../stage/stage.ts";
import { wallClock } from "../stage/wall-clock.ts";
import { mixedLoad } from "./load.ts";

/** Each has a window of two megabytes at the one that stands still: together more than the system's own buffers hold. */
const CLIENTS = 8;
const LARGE_RATE = 120;
const LARGE_MS = 1000;
const PAD = "x".repeat(256 * 1024);
const RATE = 50;
const TIMEOUT_MS = 5000;
/** Who is there again is dialled again within `policy.connect.maxBackoffMs`, as nobody else tells of it. */
const MOST_BACK_MS = 5000;
const BOUND_BACK_MS = MOST_BACK_MS + 500;
const CONFIG = `write_deadline: "1s"\n`;

/** Large calls by many clients. */
function largeLoad(stage: Stage, clients: readonly Client[]): OpenLoad {
  const apis = clients.map((client) => client.service<LedgerApi>("ledger"));
  const plan = (n: number): Planned => ({
    method: "again",
    idempotent: true,
    timeoutMs: TIMEOUT_MS,
    async send(id) {
      const input = { id, ms: 2, pad: PAD };
      return (apis[n % apis.length] as (typeof apis)[number]).again(input, { timeoutMs: TIMEOUT_MS });
    },
  });
  return new OpenLoad(stage, LARGE_RATE, plan, "large");
}

export const natsSlowConsumer: Scenario = {
  name: "nats-slow-consumer",
  fault:
    "NATS alone: one of three stopped (SIGSTOP) under large calls, until the server cuts it as a slow consumer",
  control: "no retries",
  skip: noNats,
  async run(stage, { full, control }) {
    const town = await NatsTown.start(stage, { full, config: CONFIG });
    // Taking turns, each goes on asking the one that stands still until it is suspected.
    const options = { retries: !control, selector: "round-robin" } as const;
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => town.client(options)));
    const load = mixedLoad(stage, clients[0] as Client, {
      ...{ ratePerSecond: RATE, timeoutMs: TIMEOUT_MS, ms: () => 2 },
    });
    const victim = town.services[0] as ServiceProcess;
    await load.answeredBy(victim.pid);
    const subjects = await subjectsAt([town.server]);
    const healthy = town.server.said("Slow Consumer");
    victim.signal("SIGSTOP");
    const large = largeLoad(stage, clients);
    await sleep(LARGE_MS);
    const largeCalls = large.stop();
    await sleep(full ? 14_000 : 3000);
    const cut = town.server.said("Slow Consumer");
    const continuedAt = wallClock();
    victim.signal("SIGCONT");
    const subscribed = await subscribedAt([town.server], subjects, MOST_BACK_MS);
    const back = await backAfter(load, victim.pid, continuedAt, 2 * MOST_BACK_MS);
    const calls = [...(await load.stop()), ...(await largeCalls)];
    const facts = checkLedger(calls, town.executions());
    const after = await subjectsAt([town.server]);
    const left = await town.end();
    return outcome(facts, [
      fact("cut by the server while all was well", healthy, 0),
      fact("subscriptions missing in the end", subjects.filter((s) => !after.includes(s)).length, 0),
      fact("connections left at NATS after all have closed", left, 0),
      atLeast("cut by the server as a slow consumer", cut - healthy, "", 1),
      figure("not idempotent, unknown", facts.unknown, ""),
      figure("subscriptions back after CONT", subscribed, "ms", 500),
      figure("answers again after CONT", back, "ms", BOUND_BACK_MS),
      figure("after its deadline", latest(calls), "ms", 20),
    ]);
  },
};
