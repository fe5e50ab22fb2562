import { sampleInstance } from "@skein/conformance";
import { type Instance, type Registry, type Snapshot, silentLogger } from "@skein/core";
import { createLeaseKeeper } from "@skein/core/internal";
import { createFakeRuntime } from "@skein/core/testing";
import { NodeRegistry } from "@skein/registry/backend";
import { beforeEach, expect, test } from "vitest";
import { type FakePort, FakeServer } from "../test/fake-server.ts";
import { NatsNode } from "./nats-node.ts";
import { registrySubjects } from "./registry-subjects.ts";

const TTL_MS = 30_000;
const subjects = registrySubjects("skein", undefined);
let runtime: ReturnType<typeof createFakeRuntime>;
let server: FakeServer;
let errors: object[];
beforeEach(() => {
  errors = [];
  runtime = createFakeRuntime();
  server = new FakeServer(runtime);
});
const pass = (ms: number): Promise<void> => runtime.clock.advanceAsync(ms);

function open(): { registry: Registry; readonly port: FakePort } {
  let port: FakePort | undefined;
  const node = new NatsNode({
    name: "nats:",
    runtime,
    logger: { ...silentLogger, error: (fields) => void errors.push(fields) },
    subjects,
    connect(events) {
      port = server.connect(events);
      return port;
    },
  });
  return {
    registry: new NodeRegistry("nats:", node),
    get port() {
      return port as FakePort;
    },
  };
}

/** So many instances of `user`, with a keeper. */
async function publish(count: number) {
  const { registry, port } = await opened();
  const keeper = createLeaseKeeper({ registry, runtime, logger: silentLogger, ttlMs: TTL_MS });
  const all = Array.from({ length: count }, () => sampleInstance("user"));
  const put = Promise.all(all.map((i) => keeper.put(i)));
  await pass(20);
  await put;
  return { registry, port, ids: all.map((i) => i.id) };
}
async function opened() {
  const made = open();
  const list = made.registry.list();
  await pass(1100);
  await list;
  return made;
}

function follow(registry: Registry) {
  const seen: Snapshot[] = [];
  const abort = new AbortController();
  void (async () => {
    for await (const snapshot of registry.watch("user", { signal: abort.signal })) seen.push(snapshot);
  })();
  return { seen, abort, ids: () => seen.at(-1)?.instances.map((i) => i.id) };
}
const asked = (): number =>
  server.published.filter(({ subject }) => subject === subjects.asked("user")).length;

test("first told at 200 ms, or at once where there is nobody; nothing is told again while nothing changes", async () => {
  const nobody = follow(open().registry);
  await pass(10);
  expect(nobody.seen).toEqual([{ instances: [], revision: 0 }]);
  const { ids } = await publish(3);
  expect(nobody.ids()).toEqual(ids);
  const late = follow(open().registry);
  await pass(190);
  expect(late.seen).toEqual([]);
  await pass(20);
  expect(late.ids()).toEqual(ids);
  const told = nobody.seen.length;
  await pass(600_000);
  expect([late.seen.length, nobody.seen.length]).toEqual([1, told]);
});

test("asked again once a minute: an announcement that was lost is found", async () => {
  const { registry } = await opened();
  const { ids, seen } = follow(registry);
  await pass(300);
  const before = asked();
  server.loses = (subject) => subject === subjects.said("user");
  const published = await publish(1);
  expect(seen.length).toBe(1);
  await pass(72_000);
  expect(ids()).toEqual(published.ids);
  await pass(600_000);
  expect(ids()).toEqual(published.ids);
  expect(asked() - before).toBeGreaterThanOrEqual(8);
});

test("renewals that are lost lose nobody: who seems over is asked", async () => {
  const { seen } = follow((await opened()).registry);
  await publish(5);
  const told = seen.length;
  server.loses = (subject) => subject === subjects.said("user");
  await pass(600_000);
  expect(seen.length).toBe(told);
});

test("killed: gone within TTL + 1.5 s; only who leaves says goodbye", async () => {
  const { ids } = follow((await opened()).registry);
  const [one, two] = [await publish(2), await publish(2)];
  await one.port.close();
  await pass((TTL_MS * 2) / 3 - 1000);
  expect(ids()).toEqual([...one.ids, ...two.ids]);
  await pass(TTL_MS / 3 + 1000 + 1500);
  expect(ids()).toEqual(two.ids);
});

test("a server that is frozen for long ends nobody", async () => {
  const { seen } = follow((await opened()).registry);
  await publish(3);
  const told = seen.length;
  server.frozen = true;
  await pass(10 * TTL_MS);
  expect(seen.length).toBe(told);
});

test("no server for 100 TTLs: stale, nobody lost, exact within TTL/3 + 1 s of its return", async () => {
  const watcher = await opened();
  const { seen, ids } = follow(watcher.registry);
  const [staying, dying] = [await publish(3), await publish(2)];
  const from = seen.length;
  for (const { port } of [watcher, staying]) port.disconnect();
  await dying.port.close();
  await pass(100 * TTL_MS);
  expect(seen.slice(from)).toMatchObject([{ stale: true, error: { code: "UNAVAILABLE" } }]);
  expect(ids()?.length).toBe(5);
  for (const { port } of [watcher, staying]) port.connect();
  await pass(TTL_MS / 3 + 1500);
  expect(seen.at(-1)?.stale).toBeUndefined();
  expect(ids()).toEqual(staying.ids);
  for (const { instances } of seen.slice(from))
    expect(instances.map((i) => i.id)).toEqual(expect.arrayContaining(staying.ids));
  await pass(10 * TTL_MS);
  expect(ids()).toEqual(staying.ids);
});

test("whoever is connected again says at once that he is there", async () => {
  const { port, ids } = await publish(2);
  port.disconnect();
  const late = follow((await opened()).registry);
  await pass(300);
  expect(late.ids()).toEqual([]);
  port.connect();
  await pass(50);
  expect(late.ids()).toEqual(ids);
});

/** A lease with these, by a process of its own. */
async function leased(...instances: Instance[]) {
  const { registry, port } = await opened();
  const lease = await registry.lease({ ttlMs: TTL_MS });
  const put = Promise.all(instances.map((i) => lease.put(i)));
  await pass(20);
  await put;
  return { lease, port };
}
const user = (id: string, fields: Partial<Instance> = {}): Instance =>
  sampleInstance("user", { id, ...fields });
const unavailable = { code: "UNAVAILABLE" };

test("a removal that failed is repeated", async () => {
  const { ids } = follow((await opened()).registry);
  const { lease } = await leased(user("a"), user("b"));
  server.frozen = true;
  const failed = expect(lease.remove("a")).rejects.toMatchObject(unavailable);
  await pass(2100);
  await failed;
  server.frozen = false;
  expect(ids()).toEqual(["a", "b"]);
  const removed = lease.remove("a");
  await pass(10);
  await removed;
  expect(ids()).toEqual(["b"]);
  const published = server.published.length;
  await Promise.all([lease.remove("a"), lease.remove("never")]);
  expect(server.published.length).toBe(published);
});

test("a removal that failed is neither renewed nor answered, and said again on the next connection", async () => {
  const { ids } = follow((await opened()).registry);
  const { lease, port } = await leased(user("a"), user("b"));
  server.frozen = true;
  const failed = expect(lease.remove("a")).rejects.toMatchObject(unavailable);
  await pass(1);
  port.disconnect();
  await failed;
  server.frozen = false;
  expect(ids()).toEqual(["a", "b"]);
  port.connect();
  await pass(10);
  expect(ids()).toEqual(["b"]);
  const renewed = lease.renew();
  const late = follow((await opened()).registry);
  await pass(1100);
  expect(await renewed).toBe("held");
  expect([ids(), late.ids()]).toEqual([["b"], ["b"]]);
});

test("who was connected again later than the one that left hears of it when he asks; after 2 s nobody is answered", async () => {
  const watcher = await opened();
  const { ids } = follow(watcher.registry);
  const { lease, port } = await leased(user("a"));
  for (const each of [watcher.port, port]) each.disconnect();
  const removed = lease.remove("a");
  port.connect();
  await pass(10);
  await removed;
  await lease.release();
  await pass(300);
  expect(ids()).toEqual(["a"]);
  watcher.port.connect();
  await pass(300);
  expect(ids()).toEqual([]);
  await pass(2000);
  const asking = watcher.registry.get("user");
  await pass(300);
  await asking;
  const heeding = [...server.subscribed].filter(({ subject }) => subject === subjects.asked("user"));
  expect(heeding).toEqual([]);
});

test("a removal that failed is said with the next renewal; put again meanwhile, it stays", async () => {
  const { ids, seen } = follow((await opened()).registry);
  const { lease, port } = await leased(user("a"), user("b"));
  server.frozen = true;
  const failed = ["a", "b"].map((id) => expect(lease.remove(id)).rejects.toMatchObject(unavailable));
  await pass(2100);
  await Promise.all(failed);
  const told = seen.length;
  server.frozen = false;
  const put = lease.put(user("a", { status: "draining" }));
  const renewed = lease.renew();
  await pass(10);
  await Promise.all([put, renewed]);
  port.disconnect();
  port.connect();
  await pass(1000);
  expect(ids()).toEqual(["a"]);
  expect(seen.slice(told).filter(({ instances }) => instances.every((i) => i.id !== "a"))).toEqual([]);
});

test("one that changes its service leaves the former, also where that was not heard at first", async () => {
  const { ids } = follow((await opened()).registry);
  const { lease } = await leased(user("a"));
  server.frozen = true;
  const other = sampleInstance("other", { id: "a" });
  const failed = expect(lease.put(other)).rejects.toMatchObject(unavailable);
  await pass(2100);
  await failed;
  server.frozen = false;
  const put = lease.put(other);
  await pass(10);
  await put;
  expect(ids()).toEqual([]);
});

test("a server that takes less than the one before: a record that is too long is told once, the others are said", async () => {
  const small = Array.from({ length: 20 }, (_, n) => user(`small-${n}`));
  const long = user("long", { metadata: { a: "x".repeat(5000) } });
  const { lease, port } = await leased(long, ...small);
  port.disconnect();
  const publish = port.publish.bind(port);
  Object.assign(port, {
    maxPayload: 4096,
    publish(subject: string, bytes: Uint8Array, reply?: string) {
      if (bytes.length > port.maxPayload) throw new Error("MAX_PAYLOAD_EXCEEDED");
      publish(subject, bytes, reply);
    },
  });
  const { ids } = follow((await opened()).registry);
  await pass(300);
  expect(ids()).toEqual([]);
  port.connect();
  const renewed = lease.renew();
  await pass(10);
  expect(await renewed).toBe("held");
  expect(ids()).toEqual(small.map((i) => i.id));
  const listed = (await opened()).registry.list();
  await pass(1100);
  expect(await listed).toMatchObject([{ name: "user", instances: small.length }]);
  expect(errors).toMatchObject([{ service: "user", instance: "long", maxPayload: 4096 }]);
});

test("a lease that is over is answered for no more", async () => {
  const { registry } = await opened();
  const lease = await registry.lease({ ttlMs: TTL_MS });
  const put = lease.put(sampleInstance("user"));
  await pass(TTL_MS);
  await put;
  const found = (await opened()).registry;
  const asking = found.get("user");
  await pass(1100);
  expect([(await asking).instances, found.malformed]).toEqual([[], 0]);
  expect(await lease.renew()).toBe("lost");
});

test("nobody watches any more: nothing is asked, subscribed to or timed", async () => {
  const { registry } = await opened();
  const { abort } = follow(registry);
  await pass(300);
  const [before, subscribed] = [asked(), server.subscribed.size];
  abort.abort();
  await pass(600_000);
  expect([asked(), server.subscribed.size, runtime.clock.timers]).toEqual([before, subscribed - 1, 0]);
});
