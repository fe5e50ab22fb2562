import type { Client } from "skein";
import { fact, figure, outcome } from "../findings.ts";
import { checkLedger, wasRefused } from "../ledger/check.ts";
import type { Execution } from "../ledger/records.ts";
import type { LedgerApi } from "../programs/protocol.ts";
import type { Outcome, Scenario } from "../scenario.ts";
import { latencies, latest, quantile } from "../stage/measure.ts";
import type { ServiceProcess } from "../stage/service-process.ts";
import type { Stage } from "../stage/stage.ts";
import { mixedLoad } from "./load.ts";

const ITEMS = 30;
const EVERY_MS = 25;
const LONGEST_MS = 2000;

interface Roll {
  readonly rounds: number;
  readonly client: Client;
  /** Those that serve at first. */
  readonly services: ServiceProcess[];
  /** One more. */
  start(): Promise<ServiceProcess>;
  /** What they wrote down. */
  executions(): readonly Execution[];
}

/** Replaces each, one after another, under load. */
export async function roll(
  stage: Stage,
  { rounds, client, services, start, executions: written }: Roll,
): Promise<Outcome> {
  // Most answers come soon; one in twenty handlers takes up to two seconds.
  const ms = (): number => (Math.random() < 0.05 ? Math.random() * LONGEST_MS : Math.random() * 20);
  const load = mixedLoad(stage, client, { ratePerSecond: 200, timeoutMs: 5000, ms });
  const streams: Promise<number>[] = [];
  const open = async (id: string): Promise<number> => {
    let next = 0;
    for await (const item of client.service<LedgerApi>("ledger").items({ id, count: ITEMS, ms: EVERY_MS }))
      if (item === `${id}/${next}`) next++;
    return next;
  };
  await load.more(100);
  const exits: number[] = [];
  let wrongExits = 0;
  for (let i = 0; i < rounds * 3; i++) {
    const successor = await start();
    for (let s = 0; s < 6; s++) streams.push(open(`s${i}-${s}`).catch(() => -1));
    await load.more(40);
    const { code, ms: took } = await (services.shift() as ServiceProcess).end("SIGTERM");
    if (code !== 0) wrongExits++;
    exits.push(took);
    services.push(successor);
  }
  const whole = await Promise.all(streams);
  const all = await load.stop();
  const idle = await start();
  await client.service<LedgerApi>("ledger").again({ id: "idle", ms: 0 });
  const idleExit = await idle.end("SIGTERM");
  const executions = written().filter((e) => e.method !== "items" && e.call !== "idle");
  const facts = checkLedger(all, executions);
  return outcome(facts, [
    fact(
      "calls failed otherwise, of any kind",
      all.filter((c) => c.error !== undefined && !wasRefused(c)).length,
      0,
    ),
    fact("streams cut", whole.filter((items) => items !== ITEMS).length, 0),
    fact("exit codes other than 0", wrongExits + (idleExit.code === 0 ? 0 : 1), 0),
    figure("longest exit", Math.max(...exits), "ms", LONGEST_MS + 1000),
    figure("idle exit", idleExit.ms, "ms", 500),
    figure("after its deadline", latest(all), "ms", 20),
    figure("p50", quantile(latencies(all), 0.5), "ms"),
  ]);
}

export const rolling: Scenario = {
  name: "rolling",
  fault: "rolling SIGTERM, handlers of 0-2 s, streams open",
  control: "servers that do not drain (a grace of 1 ms)",
  async run(stage, { full, control }) {
    const settings = control ? { serve: { graceMs: 1 } } : {};
    const services = await stage.startMany(3, settings);
    return roll(stage, {
      rounds: full ? 3 : 1,
      client: stage.client(),
      services,
      start: () => stage.start(settings),
      executions: () => stage.executions(),
    });
  },
};
