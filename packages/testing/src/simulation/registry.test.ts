import type { Instance, Snapshot } from "@skein/core";
import { expect, test } from "vitest";
import { Machine } from "./machine.ts";
import { Network } from "./network.ts";
import { createRegistryPort, REGISTRY } from "./registry-port.ts";
import { RegistryStore } from "./registry-store.ts";
import { Scheduler, turn } from "./scheduler.ts";
import { Trace } from "./trace.ts";

function setup() {
  const scheduler = new Scheduler();
  const trace = new Trace(() => scheduler.now);
  const network = new Network({ seed: 1, scheduler, trace, delayMs: [1, 10], dropChance: 0 });
  const store = new RegistryStore(scheduler, trace);
  const machine = new Machine({ name: "a", host: "a", seed: 1, scheduler, onError: () => {} });
  const registry = createRegistryPort({ seed: 1, scheduler, network, store, machine });
  const run = async (ms: number): Promise<void> => {
    const until = scheduler.now + ms;
    await turn();
    for (; scheduler.nextAt <= until; await scheduler.step());
    scheduler.now = until;
  };
  const finish = async <T>(work: Promise<T>, ms = 6000): Promise<T> => {
    work.catch(() => {});
    await run(ms);
    return await work;
  };
  /** Ids in each snapshot that came, with `stale` in front where it was. */
  const watch = (): { readonly seen: string[]; readonly stop: AbortController } => {
    const seen: string[] = [];
    const stop = new AbortController();
    const show = ({ instances, stale }: Snapshot): string =>
      `${stale === true ? "stale " : ""}${instances.map((i) => i.id).join(" ")}`;
    void (async () => {
      for await (const snapshot of registry.watch("user", { signal: stop.signal })) seen.push(show(snapshot));
    })();
    return { seen, stop };
  };
  return { network, store, machine, registry, run, finish, watch };
}

const instance = (id: string): Instance => ({
  service: "user",
  version: "1.0.0",
  id,
  addresses: [{ protocol: "skein", url: `sim://${id}` }],
  weight: 1,
  status: "serving",
  startedAt: "2026-01-01T00:00:00.000Z",
  metadata: {},
});
const ids = ({ instances }: Snapshot): string[] => instances.map((i) => i.id);

test("leases: records last as long as they are renewed", async () => {
  const { registry, run, finish } = setup();
  const lease = await finish(registry.lease({ ttlMs: 10_000 }), 50);
  await finish(lease.put(instance("x")), 50);
  await run(9000);
  expect(await finish(lease.renew(), 50)).toBe("held");
  await run(9000);
  expect(ids(await finish(registry.get("user"), 50))).toEqual(["x"]);
  await run(2000);
  expect(ids(await finish(registry.get("user"), 50))).toEqual([]);
  expect(await finish(lease.renew(), 50)).toBe("lost");
  await expect(finish(lease.put(instance("x")), 50)).rejects.toThrow("does not know the lease");
});

test("a watch follows; down it is stale; behind it gets no news", async () => {
  const { registry, store, run, finish, watch } = setup();
  const { seen, stop } = watch();
  const lease = await finish(registry.lease({ ttlMs: 1e6 }), 50);
  await finish(lease.put(instance("x")), 50);
  expect(seen).toEqual(["", "x"]);
  store.trouble = "down";
  await expect(finish(lease.put(instance("y")), 50)).rejects.toThrow("ECONNREFUSED");
  store.recover();
  await run(2000);
  expect(seen).toEqual(["", "x", "x"]);
  store.fallBehind();
  await finish(lease.put(instance("y")), 2000);
  expect(ids(await finish(registry.get("user"), 50))).toEqual(["x"]);
  expect(seen).toEqual(["", "x", "x"]);
  store.recover();
  await run(2000);
  expect(seen).toEqual(["", "x", "x", "x y"]);
  stop.abort();
  expect(registry.watches).toBe(0);
});

test("cut off: requests end, the watch says that it is stale, and finds back", async () => {
  const { network, registry, run, finish, watch } = setup();
  const { seen } = watch();
  const lease = await finish(registry.lease({ ttlMs: 1e6 }), 50);
  network.cut(REGISTRY, "a");
  await expect(finish(lease.put(instance("x")))).rejects.toThrow("ETIMEDOUT");
  expect(seen).toEqual(["", "stale "]);
  network.heal(REGISTRY, "a");
  await run(1100);
  expect(seen).toEqual(["", "stale ", "x"]);
});

test("failing: some requests fail although they were done", async () => {
  const { store, registry, finish } = setup();
  const lease = await finish(registry.lease({ ttlMs: 1e6 }), 50);
  store.trouble = "failing";
  const outcomes = new Set<string>();
  for (let i = 0; i < 40; i++) {
    const failed = await finish(lease.put(instance(`x${i}`)), 50).then(
      () => false,
      () => true,
    );
    outcomes.add(
      `${failed ? "failed" : "done"}, ${store.all.some((x) => x.id === `x${i}`) ? "there" : "not there"}`,
    );
  }
  expect([...outcomes].sort()).toEqual(["done, there", "failed, not there", "failed, there"]);
});

test("wiped: nothing is known, and revisions begin anew", async () => {
  const { store, registry, run, finish, watch } = setup();
  const { seen } = watch();
  const lease = await finish(registry.lease({ ttlMs: 1e6 }), 50);
  await finish(lease.put(instance("x")), 50);
  const before = (await finish(registry.get("user"), 50)).revision;
  store.wipe();
  await run(50);
  expect(seen).toEqual(["", "x", ""]);
  expect((await finish(registry.get("user"), 50)).revision).toBeLessThan(before);
  expect(await finish(lease.renew(), 50)).toBe("lost");
});

test("a paused process gets its answers when it goes on", async () => {
  const { machine, registry, run } = setup();
  let answered = false;
  void registry.list().then(() => {
    answered = true;
  });
  machine.pause();
  await run(3000);
  expect(answered).toBe(false);
  machine.resume();
  await run(1);
  expect(answered).toBe(true);
});
