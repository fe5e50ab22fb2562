import { fact, figure, outcome } from "../findings.ts";
import { checkLedger } from "../ledger/check.ts";
import type { Scenario } from "../scenario.ts";
import { freePort } from "../stage/free-port.ts";
import { latest } from "../stage/measure.ts";
import { NatsServerProcess, noNats, subjectsAt, subscribedAt } from "../stage/nats-server.ts";
import { NatsTown } from "../stage/nats-town.ts";
import type { Stage } from "../stage/stage.ts";
import { wallClock } from "../stage/wall-clock.ts";
import { mixedLoad } from "./load.ts";
import { lastTold } from "./nats-outage.ts";

const RATE = 200;
const TIMEOUT_MS = 5000;
const HANDLER_MS = 40;
const MOST_BACK_MS = 5000;
/** It is where it was told to go until its own member dies. */
const ROUND_OF_CALLER = 1;

/** Three that know each other. */
async function cluster(
  stage: Stage,
): Promise<readonly [NatsServerProcess, NatsServerProcess, NatsServerProcess]> {
  const ports = [await freePort(), await freePort(), await freePort()];
  const routes = ports.map((port) => `"nats://127.0.0.1:${port}"`).join(", ");
  const member = (n: number): Promise<NatsServerProcess> =>
    NatsServerProcess.start(
      stage,
      `server_name: m${n}\ncluster { name: c, listen: "127.0.0.1:${ports[n]}", routes: [${routes}] }\n`,
    );
  return [await member(0), await member(1), await member(2)];
}

export const natsCluster: Scenario = {
  name: "nats-cluster",
  fault:
    "NATS alone: one member of a cluster of three killed with -9, where all services are, then where the caller is, …",
  control: "no retries",
  skip: noNats,
  async run(stage, { full, control }) {
    const members = await cluster(stage);
    const [first, second, third] = members;
    const turns = [second, first, third] as const;
    const town = await NatsTown.at(stage, members, [second, second, second], { full });
    const client = await town.client({ retries: !control });
    const load = mixedLoad(stage, client, {
      ratePerSecond: RATE,
      timeoutMs: TIMEOUT_MS,
      ms: () => HANDLER_MS,
    });
    await Promise.all(town.services.map(({ pid }) => load.answeredBy(pid)));
    await load.more(RATE / 2);
    const subjects = await subjectsAt(members);
    const told: number[] = [];
    const back: number[] = [];
    for (let i = 0; i < (full ? 6 : 2); i++) {
      const dying = turns[i % turns.length] as NatsServerProcess;
      const from = wallClock();
      await dying.kill();
      back.push(
        await subscribedAt(
          members.filter((m) => m !== dying),
          subjects,
          MOST_BACK_MS,
        ),
      );
      await Promise.all(town.services.map(({ pid }) => load.answeredBy(pid, ({ sentAt }) => sentAt > from)));
      await load.more(RATE);
      if (i === ROUND_OF_CALLER) told.push(lastTold(load.records, from));
      await dying.start();
      await load.more(RATE);
    }
    const calls = await load.stop();
    const facts = checkLedger(calls, town.executions());
    const after = await subjectsAt(members);
    const left = await town.end();
    return outcome(facts, [
      fact("subscriptions missing in the end", subjects.filter((s) => !after.includes(s)).length, 0),
      fact("subscriptions too many in the end", Math.max(0, after.length - subjects.length), 0),
      fact("connections left at NATS after all have closed", left, 0),
      figure("not idempotent, unknown", facts.unknown, ""),
      figure("these were told after, when it was the caller's", Math.max(...told), "ms", 50),
      figure("subscriptions at others after", Math.max(...back), "ms", 500),
      figure("after its deadline", latest(calls), "ms", 20),
    ]);
  },
};
