import { fact, figure, outcome } from "../findings.ts";
import { checkLedger } from "../ledger/check.ts";
import type { LedgerApi } from "../programs/protocol.ts";
import type { Scenario } from "../scenario.ts";
import { latest, quantile, within } from "../stage/measure.ts";
import { OpenLoad } from "../stage/open-load.ts";
import type { ServiceProcess, Told } from "../stage/service-process.ts";

const TIMEOUT_MS = 100;
/** What the last handler would take. */
const HANDLER_MS = 1000;
const NAMES = ["first", "second", "third"];

/** The one or the other, by who finds the time to be up first: the caller, or the service whose own call it ends. */
const ALLOWED = new Set<string | undefined>(["DEADLINE_EXCEEDED", "CANCELLED"]);

interface HopEnded extends Told {
  readonly call: string;
  readonly at: number;
}

export const hops: Scenario = {
  name: "hops",
  fault: "3 hops with 100 ms in all, the last would take 1 s",
  control: "nested calls inherit nothing (context: false)",
  async run(stage, { full, control }) {
    const client = control ? { context: false } : {};
    const services = await Promise.all(
      NAMES.map((name, i) => stage.start({ name, next: NAMES[i + 1], client })),
    );
    const api = stage.client().service<LedgerApi>("first");
    // Connected, as the hops are with each other.
    await api.hop({ id: "warm", ms: 0 });
    const load = new OpenLoad(stage, 50, () => ({
      method: "hop",
      idempotent: true,
      timeoutMs: TIMEOUT_MS,
      send: (id) => api.hop({ id, ms: HANDLER_MS }, { timeoutMs: TIMEOUT_MS }),
    }));
    await load.more(full ? 200 : 50);
    const calls = await load.stop();
    const begun = stage.executions().filter((e) => e.call !== "warm");
    const stops = await stopsOf(services, begun.length);
    const facts = checkLedger(calls, begun, { mayFail: ({ error }) => ALLOWED.has(error?.code) });
    const sentAt = new Map(calls.map((c) => [c.id, c.sentAt]));
    const after = (call: string, at: number): number => at - (sentAt.get(call) as number);
    const stopped = stops.map(({ call, at }) => after(call, at)).filter((ms) => ms < HANDLER_MS / 2);
    const cancelled = calls.filter((c) => c.error?.code === "CANCELLED").length;
    return outcome(facts, [
      fact("hops begun and not stopped", begun.length - stopped.length, 0),
      fact("calls without their third hop, in a hundred", missing(begun.length, calls.length), 10),
      figure(
        "the last hop began after",
        Math.max(...begun.map((e) => after(e.call, e.at))),
        "ms",
        TIMEOUT_MS,
      ),
      figure("hops stopped p50", quantile(stopped, 0.5), "ms"),
      figure("the last hop stopped after", Math.max(...stopped), "ms", TIMEOUT_MS + 15),
      figure("calls told CANCELLED, others DEADLINE_EXCEEDED", (cancelled / calls.length) * 100, "%"),
      figure("after its deadline", latest(calls), "ms", 20),
    ]);
  },
};

/** How many in a hundred calls were not begun by all: a machine that stands still now and then may cause some. */
function missing(begun: number, calls: number): number {
  return Math.round(100 - (begun / (NAMES.length * calls)) * 100);
}

/** Waits for so many, as long as handlers would go on if nobody stopped them. */
async function stopsOf(services: readonly ServiceProcess[], count: number): Promise<readonly HopEnded[]> {
  const stops = (): HopEnded[] =>
    services.flatMap((s) =>
      s.told.filter((t): t is HopEnded => t.kind === "hop-ended" && (t as HopEnded).call !== "warm"),
    );
  const all = new Promise<void>((resolve) => {
    const look = (): void => {
      if (stops().length >= count) resolve();
    };
    for (const { process } of services) process.on("message", look);
    look();
  });
  await within(HANDLER_MS + 500, all);
  return stops();
}
