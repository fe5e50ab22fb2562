import { readFileSync } from "node:fs";
import { setPriority } from "node:os";
import { join } from "node:path";
import { atLeast, figure, outcome } from "../findings.ts";
import { checkLedger } from "../ledger/check.ts";
import type { CallRecord } from "../ledger/records.ts";
import type { CallerDone, CallerOrder, LoadMix, Phase } from "../programs/caller-protocol.ts";
import type { Finding, Scenario } from "../scenario.ts";
import { type HelperProcess, startHelper } from "../stage/helper-process.ts";
import { latencies, quantile } from "../stage/measure.ts";
import type { Stage } from "../stage/stage.ts";
import { processorTime, starvation } from "../stage/starved.ts";

interface Kind {
  readonly name: string;
  readonly what: string;
  readonly mix: LoadMix;
  readonly serviceMs: number;
  /** Enough to keep the server busy without a queue to speak of. */
  readonly inFlight: number;
}

const TIMES = 3;
const URGENT_IN = 33;
const TARGET_MS = 20;
/** A second: a third of them is accepted, and a p99 of few is no more than their slowest. */
const MOST_PROBES = 600;
const WINDOW_MS = 200;
const ALLOWED = new Set(["RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED"]);
/** Of the queue: nothing is an overload, and everything may wait. */
const UNBOUNDED = { targetMs: 1e9, intervalMs: 1e9, maxQueue: 1e9 };

const spin = (us: number, inFlight: number): Kind => ({
  name: us < 1000 ? `overload-${us}us` : `overload-${us / 1000}ms`,
  what: us < 1000 ? `${us} µs` : `${us / 1000} ms`,
  mix: { method: "spin", size: us, timeoutMs: 250, urgentIn: URGENT_IN },
  serviceMs: us / 1000,
  inFlight,
});

const KINDS: readonly Kind[] = [
  spin(50, 48),
  spin(200, 24),
  spin(1000, 8),
  {
    name: "overload-20ms",
    what: "20 ms of waiting, 16 at once,",
    mix: { method: "few", size: 20, timeoutMs: 250, urgentIn: URGENT_IN },
    serviceMs: 20,
    inFlight: 17,
  },
];

export const overloads: readonly Scenario[] = KINDS.map((kind) => ({
  name: kind.name,
  fault: `overload ${TIMES} x, handlers of ${kind.what}`,
  control: "no bounds to the queue",
  run: (stage, { full, control }) => overload(stage, kind, full, control),
}));

async function overload(stage: Stage, kind: Kind, full: boolean, control: boolean) {
  const server = await stage.start(
    control ? { serve: { queue: UNBOUNDED, limits: { maxCalls: 100_000 } } } : {},
  );
  const env = { FAULTS_CALLER: JSON.stringify(control ? { limits: { maxCalls: 100_000 } } : {}) };
  // The crowd fills its processor, so that its own delays are long: times are measured by somebody who has little to do.
  const [crowd, probe] = await Promise.all([1, 2].map(() => startHelper(stage, "caller", env)));
  preferred(probe as HelperProcess);
  const address = server.addresses[0] as string;
  const asked = (phases: readonly Phase[], caller = crowd): Promise<Asked> =>
    ask(stage, caller as HelperProcess, { mix: kind.mix, phases, address });
  const { inFlight } = kind;
  const warm = await asked([{ prefix: "w", ms: 700, inFlight }]);
  const shy = await asked([{ prefix: "s", ms: 300, inFlight: 1 }], probe);
  const peakMs = full ? 3000 : 1000;
  const calmTime = processorTime(server.pid);
  const calm = await asked([{ prefix: "p", ms: peakMs, inFlight }]);
  const calmCost = calmTime() / answers(calm.records);
  const peak = good(calm.records, 0, peakMs);
  const ms = full ? 10_000 : 1500;
  const afterMs = full ? 5000 : 1000;
  const probes = Math.min(MOST_PROBES, peak / 2.5);
  const starved = starvation(server.pid);
  const loadTime = processorTime(server.pid);
  const loads = await Promise.all([
    asked([
      { prefix: "o", ms, ratePerSecond: TIMES * peak - probes },
      { prefix: "r", ms: afterMs, ratePerSecond: peak / 2 - probes },
    ]),
    asked(
      [
        { prefix: "op", ms, ratePerSecond: probes },
        { prefix: "rp", ms: afterMs, ratePerSecond: probes },
      ],
      probe,
    ),
  ]);
  const starvedShare = starved();
  const loadMs = loadTime();
  const calls = loads.flatMap(({ records }) => records);
  const all = [...warm.records, ...shy.records, ...calm.records, ...calls];
  const facts = checkLedger(all, stage.executions(), { mayFail: allowed });
  const over = calls.filter((c) => c.id.startsWith("o"));
  const after = calls.filter((c) => c.id.startsWith("r"));
  const goodByTime = (calmCost / (loadMs / answers(calls))) * 100;
  return outcome(facts, [
    ...judge(kind, peak, over, after, ms),
    // On a machine that has other things to do all of the above is worse than the server: told beside it.
    figure("answered by the server's processor time, of calm times", goodByTime, "%"),
    figure("the crowd's own loop was busy, of the time", loads[0].busy * 100, "%"),
    figure("server had no processor, of the time", starvedShare, "%"),
  ]);
}

function judge(
  kind: Kind,
  peak: number,
  over: readonly CallRecord[],
  after: readonly CallRecord[],
  ms: number,
): readonly Finding[] {
  const bound = TARGET_MS + 2 * kind.serviceMs;
  // An overload is found after 100 ms of it: what waits till then is admitted as in calm times.
  const began = first(over);
  const known = over.filter((c) => c.sentAt - began > 500);
  const settled = known.filter(isProbe);
  const urgent = over.filter((c) => c.method === "urgent");
  const answered = urgent.filter((c) => c.error === undefined);
  const accepted = settled.filter((c) => c.error === undefined && c.method !== "urgent");
  // From the send: what the caller itself is late by, for want of a processor, is told beside it.
  const took = accepted.map((c) => c.endedAt - c.sentAt);
  const lag = settled.map((c) => c.sentAt - c.intendedAt);
  return [
    figure("peak, calls a second", peak, ""),
    atLeast(`goodput at ${TIMES} x, of the peak`, (good(over, 0, ms) / peak) * 100, "%", 90),
    figure("asked, of the peak", over.length / (ms / 1000) / peak, "x"),
    figure("accepted p99", quantile(took, 0.99), "ms", bound),
    figure("accepted, measured", accepted.length, ""),
    // It asks for less than half of what the server can: its share, as there are two callers.
    figure("accepted of the small caller's", acceptedOf(settled), "%"),
    figure("accepted of the crowd's", acceptedOf(known.filter((c) => !isProbe(c))), "%"),
    figure("the caller's own delay before it p99", quantile(lag, 0.99), "ms"),
    atLeast("critical answered", (answered.length / urgent.length) * 100, "%", 99.9),
    figure("recovered after", recoveryMs(after, bound), "ms", 2000),
  ];
}

const answers = (calls: readonly CallRecord[]): number =>
  calls.reduce((n, { error }) => n + (error === undefined ? 1 : 0), 0);

const acceptedOf = (calls: readonly CallRecord[]): number => (answers(calls) / calls.length) * 100;

const first = (calls: readonly CallRecord[]): number =>
  calls.reduce((t, c) => Math.min(t, c.sentAt), Infinity);

/** Answered a second, of those sent between `from` and `to` ms after the first. */
function good(calls: readonly CallRecord[], from: number, to: number): number {
  const began = first(calls);
  const within = calls.filter((c) => {
    const at = c.endedAt - began;
    return c.error === undefined && at >= from && at < to;
  });
  return within.length / ((to - from) / 1000);
}

/** Until the first of three windows in a row in which nothing was refused and nearly all were answered in time, ms. */
function recoveryMs(calls: readonly CallRecord[], boundMs: number): number {
  const windows: CallRecord[][] = [];
  const began = first(calls);
  for (const call of calls) {
    const window = Math.floor((call.sentAt - began) / WINDOW_MS);
    windows[window] ??= [];
    (windows[window] as CallRecord[]).push(call);
  }
  const fine = windows.map(
    (some) =>
      some.every((c) => c.error === undefined) && quantile(latencies(some.filter(isProbe)), 0.99) <= boundMs,
  );
  const at = fine.findIndex((_, i) => fine[i] && fine[i + 1] && fine[i + 2]);
  return at < 0 ? Number.POSITIVE_INFINITY : at * WINDOW_MS;
}

function isProbe({ id }: CallRecord): boolean {
  return id.startsWith("op") || id.startsWith("rp");
}

/** What a caller of an overloaded server has to expect. */
function allowed({ error }: CallRecord): boolean {
  return error === undefined || ALLOWED.has(error.code);
}

/** Three busy processes may share two processors: it measures how late the server is, so it waits for none itself where that is allowed (root). */
function preferred({ pid }: HelperProcess): void {
  try {
    setPriority(pid, -10);
  } catch {
    // Its own delay is told beside the figures.
  }
}

interface Asked {
  readonly records: readonly CallRecord[];
  /** As CallerDone has it. */
  readonly busy: number;
}

async function ask(stage: Stage, caller: HelperProcess, order: Omit<CallerOrder, "file">): Promise<Asked> {
  const file = join(stage.directory, `records-${order.phases.map((p) => p.prefix).join("-")}`);
  const { busy } = await caller.ask<CallerDone>({ ...order, file } satisfies CallerOrder, "done");
  return { records: JSON.parse(readFileSync(file, "utf8")) as CallRecord[], busy };
}
