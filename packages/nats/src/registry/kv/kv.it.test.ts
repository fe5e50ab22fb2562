import { join } from "node:path";
import { sampleInstance, Watched } from "@skein/conformance";
import { InstancesProcess, nodeRuntime as runtime } from "@skein/conformance/node";
import { type Registry, type Snapshot, silentLogger } from "@skein/core";
import { createLeaseKeeper } from "@skein/core/internal";
import { connect, type KV, type NatsConnection } from "nats";
import { afterEach, describe, expect, test } from "vitest";
import { NatsServer, natsBinary } from "../../test/nats-server.ts";
import { createRegistry } from "../create-registry.ts";

const TTL_MS = 2000;
const clock = { pass: (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms)) };
const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function serve(config = ""): Promise<NatsServer> {
  const server = await NatsServer.startJetStream(config);
  undo.push(() => server.close());
  return server;
}
function open(server: NatsServer, user = ""): Registry {
  const url = `${server.url.replace("//", `//${user}`)}/?kv=services`;
  const registry = createRegistry(url, { runtime, logger: silentLogger });
  undo.push(() => registry.close());
  return registry;
}
function watch(registry: Registry): Watched {
  const watched = new Watched(registry, "user");
  undo.push(() => watched.stop());
  return watched;
}
/** NATS's own client, as its tools use it. */
async function operator(server: NatsServer): Promise<NatsConnection> {
  const raw = await connect({ servers: server.url });
  undo.push(() => raw.close());
  return raw;
}
const bucketOf = (raw: NatsConnection): Promise<KV> => raw.jetstream().views.kv("services");
const count =
  (n: number) =>
  (s: Snapshot): boolean =>
    s.stale !== true && s.instances.length === n;

describe.skipIf(natsBinary() === undefined)("with a real nats-server and JetStream", () => {
  test("a server without JetStream is refused, saying what to do", async () => {
    const server = await NatsServer.start();
    undo.push(() => server.close());
    const registry = open(server);
    const error = {
      code: "FAILED_PRECONDITION",
      message: expect.stringMatching(
        /no JetStream for us, which kv=services needs: start it with "nats-server -js"/,
      ),
    };
    await expect(registry.check?.()).rejects.toMatchObject(error);
    await expect(registry.lease({ ttlMs: TTL_MS })).rejects.toMatchObject(error);
    await expect(registry.get("user")).rejects.toMatchObject(error);
    expect((await watch(registry).until((s) => s.stale === true, clock, 3000)).error).toMatchObject(error);
  });

  test("a server that cannot be reached may come: no refusal", async () => {
    const server = await serve();
    await server.kill();
    await open(server).check?.();
  });

  test("who was killed is gone for those who come later, by the server's clock", async () => {
    const server = await serve();
    const program = join(import.meta.dirname, "../../test/nats-process.ts");
    const url = `${server.url}/?kv=services`;
    const dying = new InstancesProcess(program, { url, ttlMs: TTL_MS, count: 2 });
    undo.push(() => dying.kill());
    await dying.ready;
    const watched = watch(open(server));
    await watched.until(count(2), clock, 2000);
    await dying.kill();
    await watched.until(count(0), clock, TTL_MS + 1000);
    const late = open(server);
    expect((await late.get("user")).instances).toEqual([]);
    expect(await late.list()).toEqual([]);
    const keys: string[] = [];
    for await (const key of await (await bucketOf(await operator(server))).keys()) keys.push(key);
    // The server forgets them later.
    expect(keys.length).toBe(2);
  });

  test("a stream that is deleted behind our back: the watch does not go deaf, and keepers put again", async () => {
    const server = await serve();
    const keeping = open(server);
    const keeper = createLeaseKeeper({ registry: keeping, runtime, logger: silentLogger, ttlMs: TTL_MS });
    undo.push(() => keeper.close());
    await keeper.put(sampleInstance("user"));
    const watched = watch(open(server));
    await watched.until(count(1), clock, 2000);
    await (await (await operator(server)).jetstreamManager()).streams.delete("KV_services");
    await watched.until(() => keeper.counts.regained === 1, clock, TTL_MS / 3 + 1000);
    // Deaf until it is asked whether the record is over.
    await keeper.put(sampleInstance("user"));
    await watched.until(count(2), clock, TTL_MS + 1000);
    expect(watched.seen.every((s) => s.instances.length > 0)).toBe(true);
  }, 20_000);

  test("a key that an operator deletes is gone at once, and put again with the next renewal", async () => {
    const server = await serve();
    const keeper = createLeaseKeeper({
      registry: open(server),
      runtime,
      logger: silentLogger,
      ttlMs: TTL_MS,
    });
    undo.push(() => keeper.close());
    const i = sampleInstance("user");
    await keeper.put(i);
    const watched = watch(open(server));
    await watched.until(count(1), clock, 2000);
    await (await bucketOf(await operator(server))).delete(`skein._.user.${i.id}`);
    await watched.until(() => watched.seen.some(count(0)), clock, 500);
    await watched.until(count(1), clock, TTL_MS / 3 + 1000);
  });

  test("what JetStream or the server does not permit is said", async () => {
    const users = [
      '{ user: deaf, password: p, permissions: { subscribe: { deny: ["skein.>"] } } }',
      '{ user: mute, password: p, permissions: { publish: { deny: ["$JS.API.>"] } } }',
      '{ user: reader, password: p, permissions: { publish: { deny: ["$KV.>"] } } }',
      "{ user: any, password: p }",
    ];
    const server = await serve(`authorization { users: [${users.join(",")}] }`);
    await open(server, "any:p@").list();
    for (const user of ["deaf", "mute"])
      await expect(open(server, `${user}:p@`).get("user")).rejects.toMatchObject({
        code: "PERMISSION_DENIED",
      });
    await expect(open(server, "mute:p@").check?.()).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
    const reader = open(server, "reader:p@");
    expect((await reader.get("user")).instances).toEqual([]);
    const lease = await reader.lease({ ttlMs: TTL_MS });
    await expect(lease.put(sampleInstance("user"))).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
  });

  test("a bucket that somebody else made will do, but for one that forgets too soon, and a stream that is none", async () => {
    const server = await serve();
    const { streams } = await (await operator(server)).jetstreamManager();
    const subjects = ["$KV.services.>"];
    await streams.add({ name: "KV_services", subjects: ["else"] });
    await expect(open(server).check?.()).rejects.toThrow("KV_services is no bucket");
    await streams.delete("KV_services");
    // Without what came with 2.11.
    await streams.add({ name: "KV_services", subjects, max_age: 10_000_000_000 });
    const registry = open(server);
    await expect(registry.lease({ ttlMs: 30_000 })).rejects.toThrow("forgets all after 10000 ms (max_age)");
    const lease = await registry.lease({ ttlMs: TTL_MS });
    const i = sampleInstance("user");
    await lease.put(i);
    expect(await lease.renew()).toBe("held");
    expect((await registry.get("user")).instances).toEqual([i]);
    await lease.remove(i.id);
    expect((await registry.get("user")).instances).toEqual([]);
  });

  test("nobody watches any more: no consumer is left", async () => {
    const server = await serve();
    const registry = open(server);
    const watched = watch(registry);
    await watched.until(count(0), clock, 2000);
    await registry.get("user");
    const { consumers } = await (await operator(server)).jetstreamManager();
    const left = async (): Promise<number> => (await consumers.list("KV_services").next()).length;
    await expect.poll(left, { timeout: 10_000 }).toBe(1);
    await watched.stop();
    await expect.poll(left, { timeout: 10_000 }).toBe(0);
  });

  test("a wrong bucket's name is refused by name", () => {
    const make = (): Registry => createRegistry("nats://h/?kv=a.b", { runtime, logger: silentLogger });
    expect(make).toThrow("kv=a.b is no name of a bucket");
  });
});
