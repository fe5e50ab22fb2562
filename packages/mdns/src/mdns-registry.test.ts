import { sampleInstance } from "@skein/conformance";
import { type Instance, type Registry, type Snapshot, silentLogger } from "@skein/core";
import { createLeaseKeeper } from "@skein/core/internal";
import { createFakeRuntime, type FakeRuntime } from "@skein/core/testing";
import { beforeEach, describe, expect, test } from "vitest";
import { MdnsRegistry } from "./mdns-registry.ts";
import { skeinLayout } from "./records/skein-layout.ts";
import { type FakeMember, FakeNetwork } from "./test/fake-network.ts";

let runtime: FakeRuntime;
let network: FakeNetwork;
let made: number;
beforeEach(() => start(1));

function start(seed: number): void {
  runtime = createFakeRuntime(seed);
  network = new FakeNetwork(runtime);
  made = 0;
}

/** With an id that is the same in each run: how much fits a packet depends on it. */
const instance = (given: Partial<Instance> = {}): Instance =>
  sampleInstance("user", { id: `id-${++made}`, ...given });

function connect(): { registry: Registry; medium: FakeMember } {
  const medium = network.join();
  const layouts = [skeinLayout("local")];
  const registry = new MdnsRegistry({ name: "mdns:", layouts, medium, runtime, logger: silentLogger });
  return { registry, medium };
}

/** Those who announce so many, with a keeper each. */
async function publish(count: number, ttlMs: number) {
  const { registry, medium } = connect();
  const keeper = createLeaseKeeper({ registry, runtime, logger: silentLogger, ttlMs });
  const all = Array.from({ length: count }, () => instance());
  const put = Promise.all(all.map((i) => keeper.put(i)));
  await runtime.clock.advanceAsync(10);
  await put;
  return { registry, medium, keeper, ids: all.map((i) => i.id) };
}

/** What a watch says, with times. */
function follow(registry: Registry, service = "user") {
  const seen: { at: number; snapshot: Snapshot }[] = [];
  const abort = new AbortController();
  void (async () => {
    for await (const snapshot of registry.watch(service, { signal: abort.signal }))
      seen.push({ at: runtime.clock.monotonic(), snapshot });
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
async function timeUntil(ok: () => boolean, most: number): Promise<number> {
  for (let ms = 0; ms <= most; ms += 10) {
    if (ok()) return ms;
    await runtime.clock.advanceAsync(10);
  }
  return Number.POSITIVE_INFINITY;
}
const same = (a: readonly string[] | undefined, b: readonly string[]): boolean =>
  a !== undefined && [...a].sort().join() === [...b].sort().join();

describe("with 30 % of all messages lost", () => {
  test("the view is full within 3 s: 50 runs with 5 processes and 40 instances", async () => {
    const took: number[] = [];
    for (let seed = 1; seed <= 50; seed++) {
      start(seed);
      network.loss = 0.3;
      const ids: string[] = [];
      for (let n = 0; n < 5; n++) ids.push(...(await publish(8, 30_000)).ids);
      await runtime.clock.advanceAsync(15_000);
      const watch = follow(connect().registry);
      took.push(await timeUntil(() => same(watch.ids, ids), 10_000));
    }
    expect(Math.max(...took)).toBeLessThanOrEqual(3000);
  }, 30_000);

  test("nobody vanishes in three hours", async () => {
    network.loss = 0.3;
    const ids = [...(await publish(8, 30_000)).ids, ...(await publish(8, 30_000)).ids];
    const watch = follow(connect().registry);
    expect(await timeUntil(() => same(watch.ids, ids), 3000)).toBeLessThan(3000);
    const before = watch.seen.length;
    await runtime.clock.advanceAsync(3 * 3_600_000);
    expect(watch.seen.length).toBe(before);
  }, 30_000);

  test("who leaves is gone within TTL + 1.5 s, and mostly at once", async () => {
    const took: number[] = [];
    for (let seed = 1; seed <= 50; seed++) {
      start(seed);
      const { keeper, ids } = await publish(1, 10_000);
      const watch = follow(connect().registry);
      await timeUntil(() => same(watch.ids, ids), 3000);
      network.loss = 0.3;
      void keeper.close();
      took.push(await timeUntil(() => same(watch.ids, []), 20_000));
    }
    expect(Math.max(...took)).toBeLessThanOrEqual(11_500);
    expect(took.filter((ms) => ms <= 500).length).toBeGreaterThanOrEqual(45);
  });
});

describe("when a process is killed", () => {
  test.each([2000, 10_000, 30_000])(
    "its records are gone within a TTL of %i ms and 1.5 s, not before",
    async (ttlMs) => {
      for (let seed = 1; seed <= 20; seed++) {
        start(seed);
        const dying = await publish(2, ttlMs);
        const other = await publish(1, ttlMs);
        const watch = follow(connect().registry);
        await timeUntil(() => same(watch.ids, [...dying.ids, ...other.ids]), 3000);
        await runtime.clock.advanceAsync(runtime.random() * ttlMs);
        dying.medium.closed = true;
        const took = await timeUntil(() => same(watch.ids, other.ids), ttlMs * 3);
        expect(took).toBeLessThanOrEqual(ttlMs + 1500);
        expect(took).toBeGreaterThan(ttlMs / 3);
      }
    },
  );
});

describe("when the network is away", () => {
  test("a watch says so within 2 s of its next question, keeps whom it knows however long, and ends exact", async () => {
    const staying = await publish(2, 10_000);
    const leaving = await publish(1, 10_000);
    const { registry, medium } = connect();
    const watch = follow(registry);
    await timeUntil(() => same(watch.ids, [...staying.ids, ...leaving.ids]), 3000);
    await runtime.clock.advanceAsync(20_000);
    medium.cut = true;
    // Renewals do not come: it asks at 80 % of the TTL.
    expect(await timeUntil(() => watch.newest?.stale === true, 10_000)).toBeLessThan(10_000);
    expect(watch.newest?.error).toMatchObject({ code: "UNAVAILABLE" });
    await leaving.keeper.close();
    await runtime.clock.advanceAsync(600_000);
    expect(same(watch.ids, [...staying.ids, ...leaving.ids])).toBe(true);
    medium.cut = false;
    const exact = (): boolean => watch.newest?.stale !== true && same(watch.ids, staying.ids);
    expect(await timeUntil(exact, 10_000)).toBeLessThanOrEqual(10_000 / 3 + 1500);
    expect(watch.seen.every(({ snapshot }) => snapshot.instances.length >= 2)).toBe(true);
  });

  test.each([2000, 3000, 5000])(
    "nobody is missing before the silence is noticed, with a TTL of %i ms",
    async (ttlMs) => {
      for (let seed = 1; seed <= 20; seed++) {
        start(seed);
        const { ids } = await publish(3, ttlMs);
        const { registry, medium } = connect();
        const watch = follow(registry);
        await timeUntil(() => same(watch.ids, ids), 3000);
        await runtime.clock.advanceAsync(10_000 + runtime.random() * ttlMs);
        const before = watch.seen.length;
        medium.cut = true;
        expect(await timeUntil(() => watch.newest?.stale === true, ttlMs + 1000)).toBeLessThanOrEqual(
          ttlMs + 1000,
        );
        await runtime.clock.advanceAsync(5 * ttlMs);
        medium.cut = false;
        expect(await timeUntil(() => watch.newest?.stale !== true, 3000)).toBeLessThanOrEqual(3000);
        expect(watch.seen.slice(before).every(({ snapshot }) => snapshot.instances.length === 3)).toBe(true);
      }
    },
  );

  test.each([0.5, 1, 1.5, 3, 10, 100])(
    "a process that was cut off for %f TTLs is back within TTL/3 + 1 s",
    async (times) => {
      const ttlMs = 10_000;
      const { medium, ids } = await publish(2, ttlMs);
      const watch = follow(connect().registry);
      await timeUntil(() => same(watch.ids, ids), 3000);
      medium.cut = true;
      await runtime.clock.advanceAsync(times * ttlMs);
      expect(same(watch.ids, ids)).toBe(times < 0.7);
      medium.cut = false;
      expect(await timeUntil(() => same(watch.ids, ids), ttlMs)).toBeLessThanOrEqual(ttlMs / 3 + 1000);
    },
  );

  test("who comes back a little later than the watcher is not taken for gone", async () => {
    const { medium, ids } = await publish(2, 10_000);
    const watching = connect();
    const watch = follow(watching.registry);
    await timeUntil(() => same(watch.ids, ids), 3000);
    watching.medium.cut = true;
    medium.cut = true;
    await runtime.clock.advanceAsync(60_000);
    watching.medium.cut = false;
    await runtime.clock.advanceAsync(2000);
    medium.cut = false;
    await runtime.clock.advanceAsync(20_000);
    expect(watch.newest?.stale).toBeUndefined();
    expect(
      watch.seen.every(({ snapshot }) =>
        same(
          snapshot.instances.map((i) => i.id),
          ids,
        ),
      ),
    ).toBe(true);
  });

  test("a new interface is told of everybody, and asked", async () => {
    const { medium, ids } = await publish(2, 30_000);
    const watching = connect();
    watching.medium.cut = true;
    const watch = follow(watching.registry, "user");
    await runtime.clock.advanceAsync(5000);
    Object.assign(network.sent, { query: 0, response: 0 });
    medium.onNewWay();
    await runtime.clock.advanceAsync(20);
    expect(network.sent.response).toBe(1);
    watching.medium.cut = false;
    watching.medium.onNewWay();
    expect(await timeUntil(() => same(watch.ids, ids), 1000)).toBeLessThanOrEqual(1000);
  });

  test("get and list reject", async () => {
    const { registry, medium } = connect();
    medium.cut = true;
    const asked = Promise.allSettled([registry.get("user"), registry.list()]);
    await runtime.clock.advanceAsync(2000);
    const error = { code: "UNAVAILABLE", message: expect.stringContaining("the network is silent") };
    expect(await asked).toMatchObject([{ reason: error }, { reason: error }]);
  });

  test("no socket can be opened: leases and get reject, watches say so and go on when there is one", async () => {
    const { registry, medium } = connect();
    medium.fault = new Error("no interface");
    const watch = follow(registry);
    await expect(registry.lease({ ttlMs: 1000 })).rejects.toThrow("no interface");
    await expect(registry.get("user")).rejects.toThrow("no interface");
    await runtime.clock.advanceAsync(30_000);
    expect(watch.seen.map(({ snapshot }) => snapshot.stale)).toEqual([true]);
    medium.fault = undefined;
    await runtime.clock.advanceAsync(6000);
    expect(watch.newest).toEqual({ instances: [], revision: 0 });
  });

  test("what cannot be sent is not registered, and not renewed", async () => {
    const { registry, medium } = connect();
    const lease = await registry.lease({ ttlMs: 1000 });
    medium.fault = new Error("ENETUNREACH");
    await expect(lease.put(instance())).rejects.toThrow("ENETUNREACH");
    await runtime.clock.advanceAsync(500);
    await expect(lease.renew()).rejects.toThrow("ENETUNREACH");
    await runtime.clock.advanceAsync(501);
    medium.fault = undefined;
    expect(await lease.renew()).toBe("lost");
  });
});

describe("leases", () => {
  test("are granted in whole seconds", async () => {
    const { registry } = connect();
    expect((await registry.lease({ ttlMs: 200 })).ttlMs).toBe(1000);
    expect((await registry.lease({ ttlMs: 2001 })).ttlMs).toBe(3000);
  });

  test("one that was not renewed in time is lost, and its records are answered for no more", async () => {
    const { registry } = connect();
    const lease = await registry.lease({ ttlMs: 1000 });
    const i = instance();
    await lease.put(i);
    await runtime.clock.advanceAsync(1001);
    expect(await lease.renew()).toBe("lost");
    await expect(lease.put(i)).rejects.toMatchObject({ name: "LeaseLostError" });
    const watch = follow(connect().registry);
    await runtime.clock.advanceAsync(5000);
    expect(watch.ids).toEqual([]);
  });

  test("an instance that moves to another service leaves the first", async () => {
    const { registry } = connect();
    const lease = await registry.lease({ ttlMs: 10_000 });
    const i = instance();
    const [user, billing] = [follow(connect().registry), follow(connect().registry, "billing")];
    await lease.put(i);
    await timeUntil(() => same(user.ids, [i.id]), 1000);
    await lease.put({ ...i, service: "billing" });
    await timeUntil(() => same(billing.ids, [i.id]), 1000);
    expect(user.ids).toEqual([]);
    expect(billing.ids).toEqual([i.id]);
  });

  test("one too large to be sent is refused, and leaves nothing", async () => {
    const { registry } = connect();
    const lease = await registry.lease({ ttlMs: 10_000 });
    const addresses = Array.from({ length: 100 }, () => ({
      protocol: "x",
      url: `tcp://${"x".repeat(900)}:1`,
    }));
    await expect(lease.put(instance({ addresses }))).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringMatching(/is \d+ bytes long as DNS records: mDNS takes 60000/),
    });
    const got = registry.get("user");
    await runtime.clock.advanceAsync(1000);
    expect((await got).instances).toEqual([]);
  });

  test("a goodbye is not repeated for what has come back meanwhile", async () => {
    const { registry } = connect();
    const lease = await registry.lease({ ttlMs: 10_000 });
    const watch = follow(connect().registry);
    await runtime.clock.advanceAsync(1000);
    const i = instance();
    let goodbyes = 0;
    network.join().onMessage = (message) => {
      if (message.type === "response" && message.records.some((r) => r.ttl === 0)) goodbyes++;
    };
    await lease.put(i);
    await lease.remove(i.id);
    await lease.put(i);
    await runtime.clock.advanceAsync(3000);
    expect(watch.ids).toEqual([i.id]);
    expect(goodbyes).toBe(1);
    const gone = watch.seen.findLastIndex(({ snapshot }) => snapshot.instances.length === 0);
    expect(watch.seen.length - gone).toBe(2);
  });
});

describe("costs", () => {
  test.each([
    [1, 2],
    [100, 3],
  ])("%i who ask at once are answered %i times", async (asked, answered) => {
    await publish(1, 60_000);
    await runtime.clock.advanceAsync(5000);
    Object.assign(network.sent, { response: 0 });
    const asking = network.join();
    const questions = [{ name: "user._sub._skein._tcp.local", type: "PTR" }];
    for (let n = 0; n < asked; n++) await asking.send({ type: "query", id: n, questions });
    await runtime.clock.advanceAsync(5000);
    expect(network.sent.response).toBe(answered);
  });

  test("at rest: two announcements a third of a TTL, and a question a minute", async () => {
    await publish(2, 30_000);
    follow(connect().registry);
    await runtime.clock.advanceAsync(60_000);
    Object.assign(network.sent, { query: 0, response: 0 });
    await runtime.clock.advanceAsync(600_000);
    // Renewals come each 10 s less jitter; questions are answered twice.
    expect(network.sent.response).toBeLessThanOrEqual(2 * 80 + 2 * 12);
    expect(network.sent.query).toBeLessThanOrEqual(12);
  });

  test("500 instances are not sent one by one, and not at once", async () => {
    const lease = await connect().registry.lease({ ttlMs: 30_000 });
    const all = Array.from({ length: 500 }, () => instance());
    const put = Promise.all(all.map((i) => lease.put(i)));
    await runtime.clock.advanceAsync(0);
    expect(network.sent.response).toBeLessThan(30);
    await runtime.clock.advanceAsync(100);
    await put;
    expect(network.sent.response).toBeLessThanOrEqual(250);
    const ids = all.map((i) => i.id);
    await runtime.clock.advanceAsync(5000);
    const watch = follow(connect().registry);
    expect(await timeUntil(() => same(watch.ids, ids), 3000)).toBeLessThan(1000);
  });

  test("a closed registry leaves no timers, and a watch that ended asks no more", async () => {
    const publisher = await publish(2, 30_000);
    const { registry } = connect();
    const watch = follow(registry);
    await runtime.clock.advanceAsync(5000);
    watch.abort.abort();
    Object.assign(network.sent, { query: 0 });
    await runtime.clock.advanceAsync(100_000);
    expect(network.sent.query).toBe(0);
    void publisher.keeper.close();
    const closed = Promise.all([registry.close(), publisher.registry.close()]);
    await runtime.clock.advanceAsync(2000);
    await closed;
    expect(runtime.clock.timers).toBe(0);
  });
});

test("whatever anybody says, nothing breaks and nobody else is hurt", async () => {
  const { ids } = await publish(3, 30_000);
  const watch = follow(connect().registry);
  await timeUntil(() => same(watch.ids, ids), 3000);
  const liar = network.join();
  const pick = <T>(...of: readonly T[]): T => of[Math.floor(runtime.random() * of.length)] as T;
  const names = [
    "user._sub._skein._tcp.local",
    "_skein._tcp.local",
    "x._skein._tcp.local",
    "",
    ".",
    "__proto__",
  ];
  const bytes = (): Uint8Array =>
    Uint8Array.from({ length: Math.floor(runtime.random() * 40) }, () => runtime.random() * 256);
  const strings = [
    "service=user",
    "id=x",
    "id=",
    "weight=NaN",
    "metadata={",
    'metadata={"__proto__":1}',
    "lease=a",
  ];
  for (let n = 0; n < 5000; n++) {
    const name = pick(...names);
    const ttl = pick(0, 1, 120, 2 ** 31, -1, Number.NaN);
    const data = Array.from({ length: 5 }, () => pick(bytes(), Buffer.from(pick(...strings))));
    const target = pick(...names);
    const srv = { priority: 0, weight: 0, port: pick(0, 70_000), target };
    await liar.send({
      type: "response",
      records: [
        { type: "TXT", name, ttl, data },
        { type: "PTR", name: pick(...names), ttl, data: target },
        { type: "SRV", name, ttl, data: srv },
        { type: "A", name: target, ttl, data: "x" },
      ],
    });
    await liar.send({ type: "query", id: 0, questions: [{ name, type: pick("PTR", "ANY", "") }] });
    if (n % 500 === 0) await runtime.clock.advanceAsync(100);
  }
  await runtime.clock.advanceAsync(60_000);
  expect(same(watch.ids, ids)).toBe(true);
  expect(Object.keys(Object.prototype)).toEqual([]);
});
