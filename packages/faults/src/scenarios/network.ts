import type { Client } from "skein";
import { fact, figure, outcome } from "../findings.ts";
import { checkLedger } from "../ledger/check.ts";
import type { CallRecord } from "../ledger/records.ts";
import type { Scenario } from "../scenario.ts";
import { backAfter } from "../stage/back-after.ts";
import { behindProxies, type FaultProxy } from "../stage/fault-proxy.ts";
import { latest, sleep } from "../stage/measure.ts";
import type { Stage } from "../stage/stage.ts";
import { wallClock } from "../stage/wall-clock.ts";
import { mixedLoad } from "./load.ts";

const RATE = 200;
const TIMEOUT_MS = 5000;
const AGAIN_MS = 100;
const FULL_MS = 4000;
const MOST_BACK_MS = 8000;

interface Fault {
  /** How long in the short form. */
  readonly ms: number;
  /** No connection outlives it: dialling again waits its turn, a backoff of up to 5 s. */
  readonly breaks?: boolean;
  /** Begins it. */
  begin?(proxy: FaultProxy): void;
  /** Done over and over while it lasts. */
  again?(proxy: FaultProxy): void;
}

const faults: Readonly<Record<string, Fault>> = {
  delay: { ms: 1000, begin: (p) => p.disturb({ delayMs: 100, jitterMs: 200 }) },
  // Longer than it takes until it is suspected.
  "silence upwards": { ms: 2500, begin: (p) => p.disturb({ stall: true }, ["up"]) },
  "silence downwards": { ms: 2500, begin: (p) => p.disturb({ stall: true }, ["down"]) },
  drip: { ms: 1000, begin: (p) => p.disturb({ drip: 8 }) },
  reset: { ms: 1000, breaks: true, again: (p) => p.reset() },
  "half-close upwards": { ms: 1000, breaks: true, again: (p) => p.halfClose("up") },
  "half-close downwards": { ms: 1000, breaks: true, again: (p) => p.halfClose("down") },
  "garbling upwards": { ms: 1000, breaks: true, begin: (p) => p.disturb({ corrupt: "garble" }, ["up"]) },
  "garbling downwards": { ms: 1000, breaks: true, begin: (p) => p.disturb({ corrupt: "garble" }, ["down"]) },
};

async function play(fault: Fault, proxy: FaultProxy, ms: number): Promise<void> {
  fault.begin?.(proxy);
  for (const until = performance.now() + ms; performance.now() < until; ) {
    fault.again?.(proxy);
    await sleep(AGAIN_MS);
  }
  proxy.heal();
}

function slowest(back: ReadonlyMap<string, number>, breaks: boolean): readonly [name: string, ms: number] {
  const some = [...back].filter(([name]) => (faults[name]?.breaks ?? false) === breaks);
  return some.reduce((a, b) => (b[1] > a[1] ? b : a), ["none", 0]);
}

interface Flipped {
  readonly calls: readonly CallRecord[];
  /** After healing. */
  readonly backMs: number;
}

/** Single bits are turned, which nothing on the way notices: what that does to calls. */
async function flipped(
  stage: Stage,
  { client, proxy, pid, ms }: { client: Client; proxy: FaultProxy; pid: number; ms: number },
): Promise<Flipped> {
  const load = mixedLoad(stage, client, {
    ratePerSecond: RATE,
    timeoutMs: 1000,
    ms: () => 2,
    prefix: "flip",
  });
  await load.more(RATE / 2);
  proxy.disturb({ corrupt: "flip" });
  await sleep(ms);
  proxy.heal();
  const backMs = await backAfter(load, pid, wallClock(), MOST_BACK_MS);
  return { calls: await load.stop(), backMs };
}

function isOwn({ id, answer, error }: CallRecord): boolean {
  return error === undefined && (answer as { call?: unknown } | undefined)?.call === id;
}

export const network: Scenario = {
  name: "network",
  fault: "one of three behind a bad network: delay, silence one way, reset, half-close, corruption, drip",
  control: "no retries",
  async run(stage, { full, control }) {
    const services = await stage.startMany(3);
    const { proxies, registry } = await behindProxies(
      stage,
      services.map((s) => s.port),
    );
    const client = stage.client({ registry, retries: !control });
    const load = mixedLoad(stage, client, { ratePerSecond: RATE, timeoutMs: TIMEOUT_MS, ms: () => 2 });
    // Taking turns, it asks the one behind the fault as often as the others, and tells when that answers again.
    const turns = stage.client({ registry, retries: !control, selector: "round-robin" });
    const probes = mixedLoad(stage, turns, {
      ...{ ratePerSecond: RATE / 2, timeoutMs: TIMEOUT_MS, ms: () => 2, prefix: "turn" },
    });
    await load.more(RATE);
    const back = new Map<string, number>();
    const played = Object.entries(faults).filter(([, { breaks = false }]) => breaks || !control);
    for (const [n, [name, fault]] of played.entries()) {
      const victim = n % 3;
      await play(fault, proxies[victim] as FaultProxy, full ? FULL_MS : fault.ms);
      back.set(name, await backAfter(probes, services[victim]?.pid as number, wallClock(), MOST_BACK_MS));
    }
    const calls = [...(await load.stop()), ...(await probes.stop())];
    const facts = checkLedger(calls, stage.executions());
    const nothing: Flipped = { calls: [], backMs: 0 };
    const pid = services[0]?.pid as number;
    const { calls: flips, backMs } = control
      ? nothing
      : await flipped(stage, { client: turns, proxy: proxies[0] as FaultProxy, pid, ms: FULL_MS / 2 });
    const [kept, keptMs] = slowest(back, false);
    const [broken, brokenMs] = slowest(back, true);
    const answered = flips.filter((c) => c.error === undefined);
    return outcome(facts, [
      figure("not idempotent, unknown", facts.unknown, ""),
      figure(`back after healing, slowest (${kept})`, keptMs, "ms", 2000),
      figure(`where connections broke, slowest (${broken})`, brokenMs, "ms", 6000),
      figure("after its deadline", latest(calls), "ms", 20),
      fact("calls under flipped bits that never ended", flips.filter((c) => !ended(c)).length, 0),
      figure("and answers that differ: no checksum sees them", answered.filter((c) => !isOwn(c)).length, ""),
      figure("and calls that failed", flips.length - answered.length, ""),
      figure("and back after healing", backMs, "ms"),
    ]);
  },
};

function ended({ sentAt, endedAt, timeoutMs }: CallRecord): boolean {
  return endedAt - sentAt < timeoutMs + 1000;
}
