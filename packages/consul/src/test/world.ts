import { setMaxListeners } from "node:events";
import { nodeRuntime } from "@skein/conformance/node";
import type { Instance, Registry, Runtime, Snapshot } from "@skein/core";
import { createLeaseKeeper } from "@skein/core/internal";
import { loggerTo } from "@skein/core/testing";
import { createRegistry } from "../create-registry.ts";
import { FakeConsul } from "./fake-consul.ts";

export interface World {
  readonly fake: FakeConsul;
  readonly runtime: Runtime;
  /** `level message fields`, one a line. */
  readonly log: readonly string[];
  /** Another client. @param url query, with `?` */
  connect(query?: string, options?: { readonly token?: string; readonly namespace?: string }): Registry;
  /** Announces it by a lease keeper. */
  announce(registry: Registry, instance: Instance, ttlMs: number): Promise<Keeper>;
  /** All that a watch says, the newest last. */
  watch(registry: Registry, service: string): readonly Snapshot[];
}

type Keeper = ReturnType<typeof createLeaseKeeper>;

/** Runs a test against a fake agent, and closes all of it. */
export async function withWorld(
  test: (world: World) => Promise<void>,
  options: { readonly runtime?: Runtime; readonly syncMs?: number } = {},
): Promise<void> {
  const { runtime = nodeRuntime, ...rest } = options;
  const fake = await new FakeConsul({ clock: runtime.clock, ...rest }).start();
  const log: string[] = [];
  const registries: Registry[] = [];
  const keepers: Keeper[] = [];
  const abort = new AbortController();
  setMaxListeners(0, abort.signal);
  const logger = loggerTo(
    (level, message, fields) => void log.push(`${level} ${message} ${JSON.stringify(fields, errorsToo)}`),
  );
  try {
    await test({
      fake,
      runtime,
      log,
      connect(query = "", { token, namespace } = {}) {
        const user = token === undefined ? "" : `${encodeURIComponent(token)}@`;
        const url = `consul://${user}${fake.address}${query}`;
        const registry = createRegistry(url, { runtime, logger, namespace });
        registries.push(registry);
        return registry;
      },
      async announce(registry, instance, ttlMs) {
        const keeper = createLeaseKeeper({ registry, runtime, logger, ttlMs });
        keepers.push(keeper);
        await keeper.put(instance);
        return keeper;
      },
      watch(registry, service) {
        const seen: Snapshot[] = [];
        void (async () => {
          for await (const s of registry.watch(service, { signal: abort.signal })) seen.push(s);
        })();
        return seen;
      },
    });
  } finally {
    abort.abort();
    fake.fault = () => undefined;
    for (const keeper of keepers) keeper.abandon();
    await Promise.all(registries.map((r) => r.close()));
    await fake.close();
  }
}

function errorsToo(_key: string, value: unknown): unknown {
  return value instanceof Error ? `${value.message} ${value.stack}` : value;
}

/** Between two looks no more counts: this process stood still for the rest, ms. */
const MOST_COUNTED_MS = 50;

/** Resolves once `ok` holds, with how long that took; rejects with what there is after `ms`. Of real time, but for that in which this process stood still. */
export async function eventually(
  ok: () => boolean,
  what: () => unknown = () => undefined,
  ms = 5000,
): Promise<number> {
  let took = 0;
  for (let last = performance.now(); !ok(); ) {
    if (took > ms) throw new Error(`not within ${ms} ms: ${JSON.stringify(what())} (${ok})`);
    await sleep(10);
    const now = performance.now();
    took += Math.min(now - last, MOST_COUNTED_MS);
    last = now;
  }
  return took;
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
