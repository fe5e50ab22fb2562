import { sampleInstance } from "@skein/conformance";
import { type Instance, type Registry, type Snapshot, silentLogger } from "@skein/core";
import { createLeaseKeeper } from "@skein/core/internal";
import { createFakeRuntime, type FakeRuntime } from "@skein/core/testing";
import { mdnsRegistry } from "../mdns-registry.ts";
import { skeinLayout } from "../records/skein-layout.ts";
import { type FakeMember, FakeNetwork } from "./fake-network.ts";

/** A fake clock and a network on it, made anew by start(). */
export const world: { runtime: FakeRuntime; network: FakeNetwork; made: number } = fresh(1);

function fresh(seed: number): typeof world {
  const runtime = createFakeRuntime(seed);
  return { runtime, network: new FakeNetwork(runtime), made: 0 };
}

export function start(seed: number): void {
  Object.assign(world, fresh(seed));
}

/** With an id that is the same in each run: how much fits a packet depends on it. */
export const instance = (given: Partial<Instance> = {}): Instance =>
  sampleInstance("user", { id: `id-${++world.made}`, ...given });

export function connect(): { registry: Registry; medium: FakeMember } {
  const medium = world.network.join();
  const layouts = [skeinLayout("local")];
  const registry = mdnsRegistry({
    name: "mdns:",
    layouts,
    medium,
    runtime: world.runtime,
    logger: silentLogger,
  });
  return { registry, medium };
}

/** Those who announce so many, with a keeper each. */
export async function publish(count: number, ttlMs: number) {
  const { registry, medium } = connect();
  const keeper = createLeaseKeeper({ registry, runtime: world.runtime, logger: silentLogger, ttlMs });
  const all = Array.from({ length: count }, () => instance());
  const put = Promise.all(all.map((i) => keeper.put(i)));
  await world.runtime.clock.advanceAsync(10);
  await put;
  return { registry, medium, keeper, ids: all.map((i) => i.id) };
}

/** What a watch says, with times. */
export function follow(registry: Registry, service = "user") {
  const seen: { at: number; snapshot: Snapshot }[] = [];
  const abort = new AbortController();
  void (async () => {
    for await (const snapshot of registry.watch(service, { signal: abort.signal }))
      seen.push({ at: world.runtime.clock.monotonic(), snapshot });
  })();
  return {
    seen,
    abort,
    get newest(): Snapshot | undefined {
      return seen.at(-1)?.snapshot;
    },
    get ids(): string[] | undefined {
      return seen.at(-1)?.snapshot.instances.map((i) => i.id);
    },
  };
}

/** Ms until it is so; gives up after `most`. */
export async function timeUntil(ok: () => boolean, most: number): Promise<number> {
  for (let ms = 0; ms <= most; ms += 10) {
    if (ok()) return ms;
    await world.runtime.clock.advanceAsync(10);
  }
  return Number.POSITIVE_INFINITY;
}
export const same = (a: readonly string[] | undefined, b: readonly string[]): boolean =>
  a !== undefined && [...a].sort().join() === [...b].sort().join();
