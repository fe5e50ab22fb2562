import type { Lease, Registry, ServiceDescription } from "@skein/core";
import { createMemoryRegistry } from "@skein/registry";
import { expect, test } from "vitest";
import { announce } from "./announce.ts";
import { nodeRuntime } from "./node-runtime.ts";
import { fetchReady, UserService, useBench } from "./test/app-bench.ts";

const bench = useBench();

/** Cannot be reached until it is let. */
function awayRegistry(): { readonly registry: Registry; readonly refused: Promise<void>; come(): void } {
  const there = createMemoryRegistry({ runtime: nodeRuntime });
  let away = true;
  let refuse: () => void = () => {};
  const refused = new Promise<void>((resolve) => {
    refuse = resolve;
  });
  const lease = async (options: { ttlMs: number }): Promise<Lease> => {
    if (!away) return there.lease(options);
    refuse();
    throw new Error("connect ECONNREFUSED tcp://root:hunter2@10.0.0.1:1");
  };
  return {
    refused,
    registry: Object.assign(Object.create(there) as Registry, { name: "memory:away", lease }),
    come() {
      away = false;
    },
  };
}

test("a registry that is not there ends the start, with what to do and no password", async () => {
  const { registry } = awayRegistry();
  const start = bench.start([new UserService()], { registry, waitForRegistry: 0.3 });
  await expect(start).rejects.toThrow(
    "the registry memory:away did not take the registration within 0.3 s: connect ECONNREFUSED tcp://***@10.0.0.1:1. Start it, or set SKEIN_REGISTRY_OPTIONAL=true",
  );
  const announced = announce("user", "127.0.0.1:1", { registry, waitForRegistry: "200ms", log: "silent" });
  await expect(announced).rejects.toThrow(/did not take the registration within 0\.2 s/);
});

test("one that comes in time is waited for", async () => {
  const { registry, refused, come } = awayRegistry();
  const start = bench.start([new UserService()], { registry, waitForRegistry: "10s" });
  await refused;
  come();
  const app = await start;
  expect((await registry.get("user")).instances.map((i) => i.id)).toEqual([app.services()[0]?.id]);
});

test("an optional one is not waited for: it serves, says so, and is registered once it can be", async () => {
  const { registry, come } = awayRegistry();
  const app = await bench.start([new UserService()], { registry, registryOptional: true, ttl: 30 });
  expect(bench.logs.find("serving all the same")?.level).toBe("warn");
  expect(bench.logs.find("not announced yet in memory:away")).toBeDefined();
  expect(await fetchReady(app)).toMatchObject([503, { checks: { lease: { ok: false } } }]);
  await using direct = bench.client({ registry: `static://user=${app.address}` });
  expect(await direct.service<UserService>("user").greet("Ada")).toBe("Hello, Ada");
  come();
  const abort = new AbortController();
  for await (const { instances } of registry.watch("user", { signal: abort.signal }))
    if (instances.length === 1) abort.abort();
  expect((await fetchReady(app))[0]).toBe(200);
});

test("$describe and /health/ready say whether the registration is held", async () => {
  const { registry, come } = awayRegistry();
  const app = await bench.start([new UserService()], { registry, registryOptional: true, ttl: 30 });
  await using direct = bench.client({ registry: `static://user=${app.address}` });
  const user = direct.service("user") as unknown as { call(method: string): Promise<ServiceDescription> };
  const describe = async () => (await user.call("$describe")).registration;
  expect(await describe()).toEqual({ registry: "memory:away", state: "lost" });
  come();
  const abort = new AbortController();
  for await (const { instances } of registry.watch("user", { signal: abort.signal }))
    if (instances.length === 1) abort.abort();
  expect(await describe()).toEqual({
    registry: "memory:away",
    state: "held",
    heldSince: expect.stringMatching(/^\d{4}-.*Z$/),
  });
});
