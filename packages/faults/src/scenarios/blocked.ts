import type { Client } from "skein";
import { fact, figure, outcome } from "../findings.ts";
import { checkLedger, wasRefused } from "../ledger/check.ts";
import type { CallRecord, Execution } from "../ledger/records.ts";
import type { Scenario } from "../scenario.ts";
import { backAfter } from "../stage/back-after.ts";
import { clientLog } from "../stage/client-log.ts";
import { latencies, latest, quantile } from "../stage/measure.ts";
import type { OpenLoad } from "../stage/open-load.ts";
import type { ServiceProcess } from "../stage/service-process.ts";
import type { Stage } from "../stage/stage.ts";
import { mixedLoad } from "./load.ts";
import { SILENT } from "./silent.ts";

const RATE = 200;
const TIMEOUT_MS = 4000;
/** Of calls whose time is up while a server stands still. */
const SHORT_MS = 800;
const OWN_MS = 5000;
const MOST_BACK_MS = 5000;

interface Late {
  readonly execution: Execution;
  readonly call: CallRecord;
  /** From the call's deadline to the handler, ms. */
  readonly ms: number;
}

/** Handlers that were entered after their call's deadline as its caller counts it, whatever the server thought of it. */
function begunLate(calls: readonly CallRecord[], executions: readonly Execution[]): Late[] {
  const byId = new Map(calls.map((c) => [c.id, c]));
  return executions.flatMap((execution) => {
    const call = byId.get(execution.call);
    const ms = call === undefined ? 0 : execution.at - call.sentAt - call.timeoutMs;
    return call !== undefined && ms > 0 ? [{ execution, call, ms }] : [];
  });
}

/** How long after it went on it answered a call that was sent since, ms. */
async function blockFor(ms: number, victim: ServiceProcess, load: OpenLoad): Promise<number> {
  const unblocked = victim.next("unblocked") as Promise<{ kind: string; at: number }>;
  victim.tell({ kind: "block", ms });
  const { at } = await unblocked;
  return backAfter(load, victim.pid, at, MOST_BACK_MS);
}

/** Blocks the caller's loop while calls are in flight. */
async function blockSelf(stage: Stage, client: Client): Promise<readonly CallRecord[]> {
  const timeoutMs = OWN_MS + 3000;
  const load = mixedLoad(stage, client, { ratePerSecond: RATE, timeoutMs, ms: () => 50, prefix: "own" });
  await load.more(RATE);
  for (const until = performance.now() + OWN_MS; performance.now() < until; );
  await load.more((RATE * OWN_MS) / 1000 + RATE);
  return load.stop();
}

export const blocked: Scenario = {
  name: "blocked",
  fault: "event loop blocked, of one of three and then of the caller",
  control: "no PING: silence says nothing",
  async run(stage, { full, control }) {
    const services = await stage.startMany(3);
    const said = clientLog();
    const policy = control ? SILENT : {};
    const client = stage.client({ log: said.log, policy });
    const load = mixedLoad(stage, client, { ratePerSecond: RATE, timeoutMs: TIMEOUT_MS, ms: () => 2 });
    // Taking turns, it goes on asking the one that stands still until that is suspected.
    const short = mixedLoad(stage, stage.client({ selector: "round-robin", policy }), {
      ...{ ratePerSecond: RATE / 2, timeoutMs: SHORT_MS, ms: () => 2 },
      ...{ onceIn: 1, prefix: "short" },
    });
    await load.more(RATE);
    let back = 0;
    for (const ms of full ? [5000, 30_000] : [5000]) {
      back = Math.max(back, await blockFor(ms, services[0] as ServiceProcess, load));
      await load.more(RATE);
    }
    const [calls, shorts] = [await load.stop(), await short.stop()];
    const before = said.blamed;
    const own = control ? [] : await blockSelf(stage, client);
    const all = [...calls, ...shorts, ...own];
    const executions = stage.executions();
    const late = begunLate(all, executions);
    const found = outcome(checkLedger(all, executions), [
      fact("expired work begun", late.length, 0),
      figure("calls whose time was up meanwhile", shorts.filter((c) => c.error !== undefined).length, ""),
      fact("blamed by a caller that stood still", said.blamed - before, 0),
      fact(
        "its calls failed, of any kind",
        own.filter((c) => c.error !== undefined && !wasRefused(c)).length,
        0,
      ),
      figure("back after", back, "ms", 1000),
      figure("after its deadline", latest([...calls, ...shorts]), "ms", 20),
      figure("p99", quantile(latencies(calls), 0.99), "ms"),
    ]);
    const shown = late.map(({ execution, call, ms }) => {
      const sent = `sent ${Math.round(execution.at - call.sentAt)} ms before, for ${call.timeoutMs} ms`;
      const ended = call.error?.code ?? "answered";
      return `begun ${Math.round(ms)} ms late: ${call.id} by ${execution.by}, ${sent}, ${ended}`;
    });
    return { ...found, examples: [...(found.examples ?? []), ...shown.slice(0, 5)] };
  },
};
