import { type CallContext, type Instance, Rpc, type RpcError, Service } from "@skein/core";
import { expect, test } from "vitest";
import { createCluster } from "./cluster.ts";
import { fakeRegistry } from "./fake-registry.ts";

@Service("user", { version: "1.0.0" })
class UserService {
  readonly served: string[] = [];
  @Rpc({ idempotent: true }) async getUser({ id }: { id: string }): Promise<{ id: string; name: string }> {
    this.served.push(id);
    return { id, name: "Ada" };
  }
  @Rpc() async slow(_: undefined, ctx: CallContext): Promise<string> {
    await new Promise<void>((resolve) => ctx.onAbort(() => resolve()));
    return "aborted";
  }
  @Rpc() async *count(to: number): AsyncGenerator<number> {
    for (let i = 0; i < to; i++) yield i;
  }
}

test.each(["real", "fake"] as const)("calls and streams, %s clock", async (clock) => {
  await using cluster = createCluster({ clock });
  await cluster.serve(new UserService());
  const users = cluster.client().service<UserService>("user");
  expect(await users.getUser({ id: "42" })).toEqual({ id: "42", name: "Ada" });
  expect(await users.call("getUser", { id: "7" })).toEqual({ id: "7", name: "Ada" });
  const seen: number[] = [];
  for await (const n of users.count(3)) seen.push(n);
  expect(seen).toEqual([0, 1, 2]);
});

test("deadlines without waiting", async () => {
  await using cluster = createCluster({ clock: "fake" });
  await cluster.serve(new UserService());
  const call = cluster.client().service<UserService>("user").slow(undefined, { timeoutMs: 60_000 });
  const outcome = call.then(
    () => "answered",
    (e: RpcError) => e.code,
  );
  await cluster.advance(61_000);
  expect(await outcome).toBe("DEADLINE_EXCEEDED");
});

test("a killed instance is left at once, and its record ends with its lease", async () => {
  await using cluster = createCluster({ clock: "fake", ttlMs: 3000 });
  const first = new UserService();
  const second = new UserService();
  const node = await cluster.serve(first);
  await cluster.serve(second);
  const users = cluster.client().service<UserService>("user");
  for (let i = 0; i < 10; i++) await users.getUser({ id: `${i}` });
  node.kill();
  await cluster.advance(1);
  const before = first.served.length;
  for (let i = 10; i < 30; i++) await users.getUser({ id: `${i}` });
  expect(first.served.length).toBe(before);
  expect((await cluster.registry.get("user")).instances.length).toBe(2);
  await cluster.advance(3000);
  expect((await cluster.registry.get("user")).instances.length).toBe(1);
});

test("a stopped instance fails no call", async () => {
  await using cluster = createCluster();
  const node = await cluster.serve(new UserService());
  await cluster.serve(new UserService());
  const users = cluster.client().service<UserService>("user");
  let stop = false;
  let calls = 0;
  const load = (async () => {
    while (!stop) {
      await users.getUser({ id: `${calls++}` });
    }
  })();
  while (calls < 50) await new Promise((resolve) => setImmediate(resolve));
  await node.stop();
  while (calls < 100) await new Promise((resolve) => setImmediate(resolve));
  stop = true;
  await load;
  expect(calls).toBeGreaterThanOrEqual(100);
});

test("a scripted registry: errors change nothing, lost leases are taken again", async () => {
  const registry = fakeRegistry();
  await using cluster = createCluster({ clock: "fake", registry, ttlMs: 3000 });
  await cluster.serve(new UserService());
  const users = cluster.client().service<UserService>("user");
  await users.getUser({ id: "1" });
  registry.fail(new Error("connection refused"));
  await cluster.advance(2000);
  await users.getUser({ id: "2" });
  registry.recover();
  registry.loseLeases();
  await cluster.advance(0);
  await users.getUser({ id: "3" });
  await cluster.advance(2000);
  expect((await registry.get("user")).instances.length).toBe(1);
  expect(registry.asked.filter((a) => a === "lease").length).toBeGreaterThan(1);
});

test("a scripted registry: somebody else's instance, added and removed", async () => {
  const registry = fakeRegistry();
  await using cluster = createCluster({ clock: "fake", registry });
  const instance: Instance = {
    service: "gone",
    version: "1",
    id: "x",
    addresses: [{ protocol: "skein", url: "memory://nowhere" }],
    weight: 1,
    status: "serving",
    startedAt: "",
    metadata: {},
  };
  registry.add(instance);
  const call = cluster.client().service<{ ping(): Promise<void> }>("gone").ping();
  const outcome = call.catch((e: RpcError) => e);
  await cluster.advance(1500);
  expect(await outcome).toMatchObject({ code: "UNAVAILABLE", executed: "no" });
  registry.remove("x");
});
