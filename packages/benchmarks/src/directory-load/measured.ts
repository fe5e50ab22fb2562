import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as pass } from "node:timers/promises";
import { type Registry, silentLogger } from "@skein/core";
import { p2c } from "@skein/selector";
import { createClient } from "skein";
import { nodeRuntime } from "skein/internal";
import { Look } from "./look.ts";
import {
  type Figures,
  type FromMeasured,
  type Loading,
  nowMs,
  quantile,
  type ToMeasured,
} from "./messages.ts";
import { SERVICE } from "./records.ts";

/** Between two calls, so that there is somebody to pick for, ms. */
const CALL_EVERY_MS = 100;
/** The view has so long to become exact once changes have ended, ms. */
const EXACT_WITHIN_MS = 10_000;
/** After loading, before anything is measured, ms. */
const CALM_MS = 2000;
const MB = 2 ** 20;

interface Pinging {
  ping(text: string): Promise<string>;
}
type Truth = ReadonlyMap<string, number>;

const delay = monitorEventLoopDelay({ resolution: 1 });
const look = new Look();
let heapBefore = 0;
let snapshots = 0;
let calls = 0;
let failedCalls = 0;
let cpu = process.cpuUsage();
let since = 0;

function liveHeap(): number {
  for (let n = 0; n < 3; n++) globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

async function openRegistry(kind: string, url: string): Promise<Registry> {
  const options = { runtime: nodeRuntime, logger: silentLogger, namespace: undefined };
  const { createRegistry } = await (kind === "etcd" ? import("@skein/etcd") : import("@skein/registry/http"));
  return createRegistry(url, options);
}

function until(good: () => boolean, withinMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const done = (): void => {
      look.onUpdate = () => {};
      clearTimeout(timer);
      resolve(good());
    };
    const timer = setTimeout(done, withinMs);
    look.onUpdate = () => {
      if (good()) done();
    };
    look.onUpdate();
  });
}

async function load(kind: string, url: string, count: number): Promise<Loading> {
  heapBefore = liveHeap();
  delay.enable();
  const started = nowMs();
  const registry = await openRegistry(kind, url);
  const client = createClient({ registry, log: "silent", selector: look.around(p2c) });
  const service = client.service<Pinging>(SERVICE);
  void watch(client.watch(SERVICE));
  await service.ping("first");
  await until(() => look.candidates.length >= count, 60_000);
  const tookMs = nowMs() - started;
  const delayMax = delay.max / 1e6;
  setInterval(() => {
    calls++;
    service.ping("again").catch(() => failedCalls++);
  }, CALL_EVERY_MS);
  await pass(CALM_MS);
  return { tookMs, delayMax };
}

async function watch(watched: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of watched) snapshots++;
}

function begin(): void {
  liveHeap();
  snapshots = 0;
  look.updates = 0;
  cpu = process.cpuUsage();
  since = nowMs();
  delay.reset();
}

async function end(truth: Truth): Promise<Figures> {
  const measured = delayFigures();
  const used = process.cpuUsage(cpu);
  const wallMs = nowMs() - since;
  const updates = (1000 * look.updates) / wallMs;
  const told = (1000 * snapshots) / wallMs;
  await until(() => look.wrong(truth) === 0, EXACT_WITHIN_MS);
  const heapMb = (liveHeap() - heapBefore) / MB;
  return {
    seenP50: quantile(look.tookMs, 0.5),
    seenP99: quantile(look.tookMs, 0.99),
    seenMax: quantile(look.tookMs, 1),
    samples: look.tookMs.length,
    held: look.held,
    missed: look.missed,
    wrong: look.wrong(truth),
    ...measured,
    cpu: (used.user + used.system) / 1000 / wallMs,
    heapMb,
    rssMb: process.memoryUsage.rss() / MB,
    calls,
    failedCalls,
    updates,
    snapshots: told,
  };
}

function delayFigures(): { readonly delayP50: number; readonly delayP99: number; readonly delayMax: number } {
  return {
    delayP50: delay.percentile(50) / 1e6,
    delayP99: delay.percentile(99) / 1e6,
    delayMax: delay.max / 1e6,
  };
}

/** The process that is measured: one client. */
export function runMeasured(kind: string, url: string): void {
  const tell = (message: FromMeasured): void => void process.send?.(message);
  process.on("message", async (message: ToMeasured) => {
    if (message.do === "open") tell({ is: "loaded", loading: await load(kind, url, message.count) });
    else if (message.do === "begin") begin();
    else if (message.do === "sample") look.expect(message.sample);
    else {
      tell({ is: "done", figures: await end(new Map(message.truth)) });
      setTimeout(() => process.exit(0), 100);
    }
  });
  tell({ is: "ready" });
}
