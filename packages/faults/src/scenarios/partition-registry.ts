import { type ClientOptions, createClient } from "skein";
import { fact, figure, outcome } from "../findings.ts";
import { checkLedger } from "../ledger/check.ts";
import type { LedgerApi } from "../programs/protocol.ts";
import type { Outcome, Scenario } from "../scenario.ts";
import { latest, sleep } from "../stage/measure.ts";
import { OpenLoad } from "../stage/open-load.ts";
import type { ServiceProcess } from "../stage/service-process.ts";
import type { Stage } from "../stage/stage.ts";
import { type Town, town } from "../stage/town.ts";
import { View } from "../stage/view.ts";
import { mixedLoad } from "./load.ts";

const RATE = 200;
const STRANGERS_RATE = 20;
const TIMEOUT_MS = 5000;

/** Calls of which each finds its servers anew. */
export function strangers(stage: Stage, options: ClientOptions): OpenLoad {
  return new OpenLoad(stage, STRANGERS_RATE, () => ({
    method: "again",
    idempotent: true,
    timeoutMs: TIMEOUT_MS,
    async send(id) {
      await using client = createClient({ log: "silent", ...options });
      return await client.service<LedgerApi>("ledger").again({ id, ms: 2 }, { timeoutMs: TIMEOUT_MS });
    },
  }));
}

interface Silence {
  readonly town: Town;
  readonly load: OpenLoad;
  /** Calls until it begins: a second of them. */
  readonly warm: number;
  readonly silence: (is: boolean) => Promise<void> | void;
}

/** Under load: silence begins, lasts two TTLs and ends; then the view is to be right within TTL/3 + 1 s. */
async function underSilence(stage: Stage, { town, load, warm, silence }: Silence): Promise<Outcome> {
  const { ttlMs, options } = town;
  const view = new View(stage.client(options));
  await view.exact(town.ports(), ttlMs);
  await load.more(warm);
  await silence(true);
  await sleep(2 * ttlMs);
  const wrong = view.wrong(town.ports());
  await silence(false);
  const exactMs = await view.exact(town.ports(), 2 * ttlMs);
  const calls = await load.stop();
  const facts = checkLedger(calls, stage.executions());
  return outcome(facts, [
    fact("instances wrong in the view in the end", view.wrong(town.ports()), 0),
    figure("instances wrong in it when healed", wrong, ""),
    figure("view exact after healing", exactMs, "ms", Math.ceil(ttlMs / 3) + 1000),
    figure("not idempotent, unknown", facts.unknown, ""),
    figure("after its deadline", latest(calls), "ms", 20),
  ]);
}

export const clientPartition: Scenario = {
  name: "partition-client",
  fault: "silent partition between the client and the registry, while a server is replaced",
  control: "a client anew for each call, which knows nothing from before",
  async run(stage, { full, control }) {
    const place = await town(stage, full);
    const { options, clientsProxy, services } = place;
    const mix = { ratePerSecond: RATE, timeoutMs: TIMEOUT_MS, ms: () => 2 };
    const load = control ? strangers(stage, options) : mixedLoad(stage, stage.client(options), mix);
    const silence = async (is: boolean): Promise<void> => {
      if (!is) return clientsProxy.heal();
      clientsProxy.disturb({ stall: true });
      await (services.shift() as ServiceProcess).end("SIGKILL");
      await place.join();
    };
    return underSilence(stage, { town: place, load, warm: control ? STRANGERS_RATE : RATE, silence });
  },
};

export const serverPartition: Scenario = {
  name: "partition-servers",
  fault: "silent partition between all servers and the registry",
  control: "servers registered once and never again",
  async run(stage, { full, control }) {
    const place = await town(stage, full, control);
    const { options, serversProxy } = place;
    const load = mixedLoad(stage, stage.client(options), {
      ...{ ratePerSecond: RATE, timeoutMs: TIMEOUT_MS, ms: () => 2 },
    });
    const silence = (is: boolean): void => (is ? serversProxy.disturb({ stall: true }) : serversProxy.heal());
    return underSilence(stage, { town: place, load, warm: RATE, silence });
  },
};
