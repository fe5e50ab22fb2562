import { join } from "node:path";
import { sampleInstance, Watched } from "@skein/conformance";
import { InstancesProcess, nodeRuntime as runtime } from "@skein/conformance/node";
import { type Instance, type Registry, type Snapshot, silentLogger } from "@skein/core";
import { connect } from "nats";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NatsServer, natsBinary } from "../test/nats-server.ts";
import { createRegistry } from "./create-registry.ts";
import { registrySubjects } from "./registry-subjects.ts";

const TTL_MS = 3000;
const HEAL_MS = TTL_MS / 3 + 1000;
const clock = { pass: (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms)) };
const undo: (() => unknown)[] = [];
let server: NatsServer;
let query = "";

function open(url = server.url + query): Registry {
  const registry = createRegistry(url, { runtime, logger: silentLogger });
  undo.push(() => registry.close());
  return registry;
}
function watch(registry = open()): Watched {
  const watched = new Watched(registry, "user");
  undo.push(() => watched.stop());
  return watched;
}

/** test/nats-process.ts in a process of its own, ready. */
async function start(count: number, ttlMs = TTL_MS): Promise<InstancesProcess> {
  const program = join(import.meta.dirname, "../test/nats-process.ts");
  const started = new InstancesProcess(program, { url: server.url + query, ttlMs, count });
  undo.push(() => started.kill());
  await started.ready;
  return started;
}

const fresh =
  (count: number) =>
  (s: Snapshot): boolean =>
    s.stale !== true && s.instances.length === count;

afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
  await server?.close();
});

const ways = [
  { way: "NATS alone", flags: [], inUrl: "" },
  { way: "JetStream's key-value", flags: ["-js"], inUrl: "/?kv=services" },
];
describe.skipIf(natsBinary() === undefined).each(ways)(
  "with a real nats-server, on $way",
  ({ flags, inUrl }) => {
    beforeEach(async () => {
      server = await NatsServer.start(flags);
      query = inUrl;
    });

    test("one that leaves is gone at once, one that is killed within TTL + 1.5 s", async () => {
      const watched = watch();
      const [leaving, dying, staying] = await Promise.all([start(2), start(2), start(1)]);
      await watched.until(fresh(5), clock, 3000);

      leaving.child.kill("SIGTERM");
      await watched.until(fresh(3), clock, 2000);
      expect((await leaving.exited)[0]).toBe(0);

      dying.child.kill("SIGKILL");
      await watched.until(fresh(1), clock, TTL_MS + 1500);
      expect(watched.seen.at(-1)?.instances.every((i) => staying.has(i.id))).toBe(true);
    }, 30_000);

    test("one that was stopped for longer than its TTL is gone meanwhile, and back soon after", async () => {
      const watched = watch();
      const { child } = await start(1);
      await watched.until(fresh(1), clock, 3000);
      child.kill("SIGSTOP");
      await watched.until(fresh(0), clock, TTL_MS + 1500);
      await clock.pass(2000);
      child.kill("SIGCONT");
      await watched.until(fresh(1), clock, HEAL_MS);
    }, 30_000);

    test("a server that is down for longer than the TTL and comes back: nobody is lost, who died is gone", async () => {
      const watched = watch();
      const [staying, dying] = [await start(3), await start(2)];
      await watched.until(fresh(5), clock, 3000);
      const from = watched.seen.length;
      await server.kill();
      const stale = await watched.until((s) => s.stale === true, clock, 1000);
      expect(stale.instances.length).toBe(5);
      dying.child.kill("SIGKILL");
      await clock.pass(5000);
      await server.start();
      await watched.until(fresh(3), clock, HEAL_MS + 1000);
      // A new lease of those who stayed, everywhere.
      const late = watch();
      await late.until(fresh(3), clock, 1500);
      await clock.pass(TTL_MS + 500);
      for (const { instances } of [...watched.seen.slice(from), ...late.seen])
        expect(instances.filter((i) => staying.has(i.id)).length).toBe(3);
    }, 40_000);

    test("a server that was wiped: nobody is lost, and all are found", async () => {
      const watched = watch();
      const staying = await start(3);
      await watched.until(fresh(3), clock, 3000);
      const from = watched.seen.length;
      await server.kill();
      server.wipe();
      await watched.until((s) => s.stale === true, clock, 1000);
      await clock.pass(1500);
      await server.start();
      const late = watch();
      await Promise.all([watched, late].map((each) => each.until(fresh(3), clock, HEAL_MS)));
      const more = await start(1);
      await watched.until(fresh(4), clock, 500);
      await clock.pass(TTL_MS + 500);
      expect(fresh(4)(watched.seen.at(-1) as Snapshot)).toBe(true);
      for (const { instances } of watched.seen.slice(from))
        expect(instances.filter((i) => staying.has(i.id)).length).toBe(3);
      expect((await open().get("user")).instances.filter((i) => more.has(i.id)).length).toBe(1);
    }, 30_000);

    test("a removal that failed while the server was away is not done until it is repeated; put again, it stays", async () => {
      const watched = watch();
      const lease = await open().lease({ ttlMs: 20_000 });
      const all = ["leaving", "back", "staying"].map((id) => sampleInstance("user", { id }));
      for (const i of all) await lease.put(i);
      await watched.until(fresh(3), clock, 2000);
      await server.kill();
      await watched.until((s) => s.stale === true, clock, 1000);
      for (const id of ["leaving", "back"])
        await expect(lease.remove(id)).rejects.toMatchObject({ code: "UNAVAILABLE" });
      await server.start();
      await lease.put(all[1] as Instance);
      await lease.remove("leaving");
      const there = (s: Snapshot): boolean => String(s.instances.map((i) => i.id).sort()) === "back,staying";
      await watched.until((s) => s.stale !== true && there(s), clock, 1000);
      await clock.pass(1500);
      expect(there(await open().get("user"))).toBe(true);
    }, 20_000);

    test.each([2500, 10_000])(
      "a server frozen for %i ms: nobody is lost",
      async (frozenMs) => {
        const watched = watch();
        await start(3, 2000);
        await watched.until(fresh(3), clock, 3000);
        const from = watched.seen.length;
        server.stop();
        await clock.pass(frozenMs);
        server.resume();
        await watched.until(fresh(3), clock, HEAL_MS + 1000);
        await clock.pass(3500);
        for (const { instances } of watched.seen.slice(from)) expect(instances.length).toBe(3);
        expect(fresh(3)(watched.seen.at(-1) as Snapshot)).toBe(true);
        const found = (await open().get("user")).instances;
        expect(found.length).toBe(3);
      },
      40_000,
    );

    test("a watcher whose loop was blocked for longer than the TTL loses nobody by it", async () => {
      const watched = watch();
      await start(3, 2000);
      await watched.until(fresh(3), clock, 3000);
      const before = watched.seen.length;
      for (let n = 0; n < 4; n++) {
        const until = performance.now() + 1500 + n * 400;
        while (performance.now() < until);
        await clock.pass(n * 150);
      }
      await clock.pass(1000);
      expect(watched.seen.slice(before).filter((s) => s.instances.length !== 3)).toEqual([]);
    }, 30_000);

    test("without a server: told so within 3 s, found once it is there", async () => {
      await server.kill();
      const registry = open();
      const watched = watch(registry);
      const error = { code: "UNAVAILABLE", message: expect.stringContaining("refused") };
      await expect(registry.get("user")).rejects.toMatchObject(error);
      await expect(registry.lease({ ttlMs: TTL_MS })).rejects.toMatchObject(error);
      const stale = await watched.until((s) => s.stale === true, clock, 3000);
      expect(stale).toMatchObject({ instances: [], error });
      await server.start();
      await watched.until(fresh(0), clock, 2000);
    }, 20_000);
  },
);

describe.skipIf(natsBinary() === undefined)("with a real nats-server", () => {
  beforeEach(async () => {
    server = await NatsServer.start();
    query = "";
  });

  test("a question that wants its answer elsewhere gets none", async () => {
    const lease = await open().lease({ ttlMs: TTL_MS });
    await lease.put(sampleInstance("user"));
    const raw = await connect({ servers: server.url });
    undo.push(() => raw.close());
    const subjects = registrySubjects("skein", undefined);
    const heard: string[] = [];
    raw.subscribe(">", { callback: (_, { subject }) => void heard.push(subject) });
    raw.publish(subjects.asked("user"), new Uint8Array(), { reply: "evil" });
    raw.publish(subjects.askedAll, new Uint8Array(), { reply: subjects.said("user") });
    const right = subjects.answer("me", 1);
    raw.publish(subjects.asked("user"), new Uint8Array(), { reply: right });
    for (let n = 0; n < 40 && !heard.includes(right); n++) await clock.pass(50);
    expect(heard).toEqual([subjects.asked("user"), subjects.askedAll, subjects.asked("user"), right]);
  });

  test("nobody can be watched by a name that is none", async () => {
    const registry = open();
    const snapshots = registry.watch("x 0\r\nPUB evil 0\r\n", { signal: new AbortController().signal });
    const { value } = await snapshots[Symbol.asyncIterator]().next();
    expect(value).toMatchObject({ instances: [], stale: true });
    await expect(registry.get("user.>")).rejects.toThrow("is no name of a service");
  });

  test("what the server does not permit is said", async () => {
    const config =
      'authorization { users: [{ user: u, password: hunter2, permissions: { subscribe: { deny: ["skein.>"] } } }] }';
    const strict = await NatsServer.start([], config);
    undo.push(() => strict.close());
    const registry = open(strict.url.replace("//", "//u:hunter2@"));
    await expect(registry.get("user")).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
    const { error, stale } = await watch(registry).until((s) => s.stale === true, clock, 3000);
    expect(stale).toBe(true);
    expect(String(error)).not.toContain("hunter2");
  });
});
