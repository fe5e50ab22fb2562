// Calls service `ledger` from a process of its own, so that a load that fills a processor does not slow who measures it.
import { writeFileSync } from "node:fs";
import { createClient } from "skein";
import type { CallRecord } from "../ledger/records.ts";
import { OpenLoad, type Planned, recorded, wallClock } from "../stage/open-load.ts";
import type { CallerOrder, CallerSettings, LoadMix, Phase } from "./caller-protocol.ts";
import type { LedgerApi } from "./protocol.ts";

const settings = JSON.parse(process.env.FAULTS_CALLER as string) as CallerSettings;
const client = createClient({ log: "silent", ...settings.client });
const api = client.service<LedgerApi>("ledger");

function plan({ method, size, timeoutMs, urgentIn }: LoadMix, n: number): Planned {
  const options = { timeoutMs };
  if (n % urgentIn === 0) {
    const us = method === "spin" ? size : 0;
    const send = (id: string): Promise<unknown> => api.urgent({ id, us }, options);
    return { method: "urgent", idempotent: true, timeoutMs, send };
  }
  const send =
    method === "spin"
      ? (id: string): Promise<unknown> => api.spin({ id, us: size }, options)
      : (id: string): Promise<unknown> => api.few({ id, ms: size }, options);
  return { method, idempotent: true, timeoutMs, send };
}

/** As many calls as can be answered: each of `inFlight` makes its next when it has its answer. */
async function closed(mix: LoadMix, { prefix, ms, inFlight }: Phase): Promise<readonly CallRecord[]> {
  const records: CallRecord[] = [];
  const until = wallClock() + ms;
  let n = 0;
  const one = async (): Promise<void> => {
    for (let now = wallClock(); now < until; now = wallClock()) {
      const planned = plan(mix, n);
      records.push(await recorded(`${prefix}${n++}`, planned, now));
    }
  };
  await Promise.all(Array.from({ length: inFlight as number }, one));
  return records;
}

/** Phases follow each other at once: one's last answers come while the next is sent. */
async function run(mix: LoadMix, phases: readonly Phase[]): Promise<CallRecord[]> {
  const ended: Promise<readonly CallRecord[]>[] = [];
  for (const phase of phases) {
    const { prefix, ms, ratePerSecond } = phase;
    if (ratePerSecond === undefined) {
      ended.push(Promise.resolve(await closed(mix, phase)));
      continue;
    }
    const load = new OpenLoad(ratePerSecond, (n) => plan(mix, n), prefix);
    await new Promise((resolve) => setTimeout(resolve, ms));
    ended.push(load.stop());
  }
  return (await Promise.all(ended)).flat();
}

process.on("message", async ({ mix, phases, file }: CallerOrder) => {
  const records = await run(mix, phases);
  writeFileSync(file, JSON.stringify(records));
  process.send?.({ kind: "done" });
});
process.on("disconnect", () => process.exit(0));
process.send?.({ kind: "ready" });
