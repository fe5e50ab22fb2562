import { fact, figure, outcome } from "../findings.ts";
import { checkLedger, wasRefused } from "../ledger/check.ts";
import type { CallRecord } from "../ledger/records.ts";
import type { Outcome, Scenario } from "../scenario.ts";
import { clientLog } from "../stage/client-log.ts";
import { latest, sharesByPid, sleep } from "../stage/measure.ts";
import type { Stage } from "../stage/stage.ts";
import { town } from "../stage/town.ts";
import { View } from "../stage/view.ts";
import { mixedLoad } from "./load.ts";
import { strangers } from "./partition-registry.ts";

const RATE = 200;
const STRANGERS_RATE = 20;
const TIMEOUT_MS = 5000;
/** Of three servers that take turns, one that is picked answers far more often. */
const UNPICKED_MS = 2000;
const SAVED_MS = 2000;

/** Servers of these that answered nothing for UNPICKED_MS on end, while calls were made. */
function unpicked(calls: readonly CallRecord[], pids: readonly number[]): number {
  const times = calls.map((c) => c.sentAt);
  const [first, last] = [Math.min(...times), Math.max(...times)];
  return pids.filter((pid) => {
    const own = calls.filter((c) => sharesByPid([c]).has(pid)).map((c) => c.sentAt);
    const all = [first, ...own.sort((a, b) => a - b), last];
    return all.some((at, n) => n > 0 && at - (all[n - 1] as number) > UNPICKED_MS);
  }).length;
}

async function outage(
  stage: Stage,
  { data, full, control }: { data: "kept" | "wiped"; full: boolean; control: boolean },
): Promise<Outcome> {
  const place = await town(stage, full);
  const { centre, options, ttlMs, services } = place;
  const said = clientLog();
  const mix = { ratePerSecond: RATE, timeoutMs: TIMEOUT_MS, ms: () => 2 };
  const load = control
    ? strangers(stage, options)
    : mixedLoad(stage, stage.client({ ...options, log: said.log, selector: "round-robin" }), mix);
  const view = new View(stage.client(options));
  await view.exact(place.ports(), ttlMs);
  await load.more(STRANGERS_RATE);
  // The centre writes its file within a second of a change.
  if (data === "kept" && !control) await sleep(SAVED_MS);
  const changes = view.changes;
  await centre.kill();
  await sleep(control ? ttlMs : full ? 2 * ttlMs : 3 * ttlMs);
  await centre.start(data);
  const again = await new View(stage.client(options)).exact(place.ports(), 2 * ttlMs);
  if (!control) await sleep(ttlMs);
  const calls = await load.stop();
  const facts = checkLedger(calls, stage.executions());
  const pids = control ? [] : services.map((s) => s.pid);
  return outcome(facts, [
    fact(
      "calls failed otherwise, of any kind",
      calls.filter((c) => c.error !== undefined && !wasRefused(c)).length,
      0,
    ),
    fact("connections suspected or lost", said.blamed, 0),
    fact("servers no longer picked", unpicked(calls, pids), 0),
    data === "kept"
      ? fact("changes of what the registry lists", view.changes - changes, 0)
      : figure("changes of what the registry lists", view.changes - changes, ""),
    fact("instances wrong in the view in the end", view.wrong(place.ports()), 0),
    figure("listed again after", again, "ms", Math.ceil(ttlMs / 3) + 1000),
    figure("after its deadline", latest(calls), "ms", 20),
  ]);
}

const control = "a client anew for each call, which knows nothing from before";

export const registryDown: Scenario = {
  name: "registry",
  fault: "registry killed with -9 for a long time",
  control,
  run: (stage, how) => outage(stage, { data: "kept", ...how }),
};

export const registryWiped: Scenario = {
  name: "registry-wiped",
  fault: "registry killed with -9 for a long time, and its data lost",
  control,
  run: (stage, how) => outage(stage, { data: "wiped", ...how }),
};
