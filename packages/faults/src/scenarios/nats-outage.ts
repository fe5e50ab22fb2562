import { atLeast, fact, figure, outcome } from "../findings.ts";
import { checkLedger, wasRefused } from "../ledger/check.ts";
import type { CallRecord } from "../ledger/records.ts";
import type { Outcome, Scenario } from "../scenario.ts";
import { answeredBy, latest, sleep } from "../stage/measure.ts";
import { noNats, subjectsAt, subscribedAt } from "../stage/nats-server.ts";
import { NatsTown } from "../stage/nats-town.ts";
import type { Stage } from "../stage/stage.ts";
import { wallClock } from "../stage/wall-clock.ts";
import { mixedLoad } from "./load.ts";
import { strangers } from "./partition-registry.ts";

const RATE = 150;
/** Long enough that some calls are in flight at any time. */
const HANDLER_MS = 40;
/** Of calls whose time is up while the server is away. */
const SHORT_MS = 400;
/** Who is silent is noticed within three of our PINGs to it. */
const SILENT_MS = 5000;
/** Those that have waited are executed within so long after it is back, all of them at once. */
const SOON_MS = 1500;
const MOST_BACK_MS = 5000;
/** Who has no time left for a retry's backoff ends so early… */
const EARLY_MS = 25;
/** …and whose time is up as its caller counts it: since the turn of the loop in which it was made began. */
const TURN_MS = 250;
const WARM_UP = RATE / 2;

/** How NATS goes away and comes back. */
interface Away {
  /** So long it is away, ms. */
  readonly ms: number;
  /** It is noticed only after some time. */
  readonly silent?: boolean;
  /** Of the calls that are to outlive it, or not. */
  readonly timeoutMs: number;
  begin(town: NatsTown): Promise<void>;
  /** Resolves once its port is open. */
  end(town: NatsTown): Promise<void>;
}

/** From when to when NATS could not be asked. Wall clock, ms. */
interface Span {
  readonly from: number;
  readonly to: number;
}

const deadline = ({ sentAt, timeoutMs }: CallRecord): number => sentAt + timeoutMs;

/** Its time was up before it could be executed: nobody could have helped it. One that failed with time left is none of these. */
export function outOfTime(call: CallRecord, { from, to }: Span): boolean {
  const due = deadline(call);
  const early = call.error?.code === "DEADLINE_EXCEEDED" ? TURN_MS : EARLY_MS;
  return due > from && due < to && call.endedAt >= due - early;
}

/** Calls of the short kind show when calls end, not that servers that are given no processor answer within their time. */
function ranOut({ timeoutMs, error }: CallRecord): boolean {
  return timeoutMs === SHORT_MS && error?.code === "DEADLINE_EXCEEDED";
}

/** How long after `at` the last was told of those that were in flight then and are not to be repeated, ms. */
export function lastTold(calls: readonly CallRecord[], at: number): number {
  const lost = calls.filter((c) => c.sentAt < at && c.endedAt >= at && c.error?.executed === "maybe");
  return Math.max(0, ...lost.filter((c) => !c.idempotent).map((c) => c.endedAt - at));
}

async function outage(
  stage: Stage,
  away: Away,
  full: boolean,
  control: "strangers" | "no retries" | undefined,
): Promise<Outcome> {
  const town = await NatsTown.start(stage, { full });
  const { ms, timeoutMs } = away;
  const client = await town.client({ retries: control === undefined });
  const mix = { ratePerSecond: RATE, timeoutMs, ms: () => HANDLER_MS };
  const load = control === "strangers" ? strangers(stage, town.options) : mixedLoad(stage, client, mix);
  await load.more(control === "strangers" ? 10 : WARM_UP);
  const short = mixedLoad(stage, client, { ...mix, timeoutMs: SHORT_MS, prefix: "short" });
  await short.more(WARM_UP);
  const subjects = await subjectsAt([town.server]);
  const from = wallClock();
  await away.begin(town);
  await sleep(ms);
  await away.end(town);
  const openAt = wallClock();
  const subscribed = await subscribedAt([town.server], subjects, MOST_BACK_MS);
  await short.more(RATE);
  const [longs, shorts] = [await load.stop(), await short.stop()];
  const calls = [...longs, ...shorts];
  // Who comes first is sent all that have waited, and fewer of those that are begun then: any answer counts.
  const back = town.services.map(({ pid }) => Math.min(MOST_BACK_MS, firstAnswer(calls, pid, openAt)));
  const span = { from, to: openAt + Math.max(SOON_MS, ...back) };
  const facts = checkLedger(calls, town.executions(), {
    mayFail: (call) => outOfTime(call, span) || ranOut(call),
  });
  const after = await subjectsAt([town.server]);
  const left = await town.end();
  const waited = longs.filter((c) => c.error === undefined && c.sentAt > from && c.sentAt < openAt);
  return outcome(facts, [
    fact("never sent and failed with time left, begun while it was away", unwaited(calls, span), 0),
    fact("subscriptions missing in the end", subjects.filter((s) => !after.includes(s)).length, 0),
    fact("subscriptions too many in the end", Math.max(0, after.length - subjects.length), 0),
    fact("connections left at NATS after all have closed", left, 0),
    atLeast("calls begun while it was away, and answered", waited.length, "", 1),
    figure("not idempotent, unknown", facts.unknown, ""),
    figure("these were told after", lastTold(calls, from), "ms", away.silent === true ? SILENT_MS : 50),
    figure("subscriptions back after its port was open", subscribed, "ms", 500),
    figure("all instances answer after", Math.max(...back), "ms", 1000),
    figure("after its deadline", latest(calls), "ms", 20),
  ]);
}

/** How long after `at` that process answered a call, ms: nobody does while the server is away. Infinity: it never did. */
function firstAnswer(calls: readonly CallRecord[], pid: number, at: number): number {
  const own = calls.filter((c) => c.endedAt >= at && answeredBy(c) === pid);
  return own.reduce((first, c) => Math.min(first, c.endedAt - at), Number.POSITIVE_INFINITY);
}

/** Of any kind: nothing of them was sent, and there was time to wait. */
function unwaited(calls: readonly CallRecord[], span: Span): number {
  const unsent = calls.filter((c) => c.error?.executed === "no" && !wasRefused(c));
  return unsent.filter((c) => c.sentAt > span.from && c.sentAt < span.to && !outOfTime(c, span)).length;
}

const killed = {
  begin: ({ server }: NatsTown) => server.kill(),
  end: ({ server }: NatsTown) => server.start(),
};

export const natsRestart: Scenario = {
  name: "nats-restart",
  fault: "NATS alone: nats-server killed with -9 and started again",
  control: "no retries",
  skip: noNats,
  run: (stage, { full, control }) =>
    outage(
      stage,
      { ms: full ? 5000 : 2000, timeoutMs: 10_000, ...killed },
      full,
      control ? "no retries" : undefined,
    ),
};

export const natsDown: Scenario = {
  name: "nats-down",
  fault: "NATS alone: nats-server down for a long time, longer than most calls have",
  control: "a client anew for each call, which knows nothing from before",
  skip: noNats,
  run: (stage, { full, control }) =>
    outage(
      stage,
      { ms: control ? 2000 : full ? 600_000 : 60_000, timeoutMs: 4000, ...killed },
      full,
      control ? "strangers" : undefined,
    ),
};

export const natsFrozen: Scenario = {
  name: "nats-frozen",
  fault: "NATS alone: nats-server stopped (SIGSTOP)",
  control: "no retries",
  skip: noNats,
  run: (stage, { full, control }) =>
    outage(
      stage,
      {
        ms: full ? 15_000 : 6000,
        timeoutMs: full ? 20_000 : 10_000,
        silent: true,
        begin: async ({ server }) => server.signal("SIGSTOP"),
        end: async ({ server }) => server.signal("SIGCONT"),
      },
      full,
      control ? "no retries" : undefined,
    ),
};
