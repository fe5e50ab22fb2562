import { sampleInstance } from "@skein/conformance";
import { describe, expect, test } from "vitest";
import type { FakeFault } from "./test/fake-consul.ts";
import { fastRuntime } from "./test/fast-runtime.ts";
import { eventually, sleep, withWorld } from "./test/world.ts";

/** Below a TTL of 3 s an attempt of the lease keeper is shorter than a busy machine's hiccup. */
const TTL_MS = 3000;
const ids = (s: { readonly instances: readonly { readonly id: string }[] } | undefined): string =>
  (s?.instances ?? []).map((i) => i.id).join();

const faults: readonly (readonly [string, FakeFault, string])[] = [
  ["403", { status: 403, body: "ACL not found" }, "Consul answered 403 ACL not found: the URL's token"],
  ["404", { status: 404, body: "no such page" }, "Consul answered 404 no such page"],
  ["500", { status: 500, body: "No cluster leader" }, "Consul answered 500 No cluster leader"],
  ["200 with HTML", "garbage", "the answer is no JSON: <html>It works!</html>"],
  ["a cut connection", "cut", "GET /v1/health/service/s0"],
];

describe("whatever reads come to, the view is kept, and Consul asked ten times a second at the most", () => {
  test.each(faults)(
    "%s",
    (_, fault, message) =>
      withWorld(async ({ fake, connect, announce, watch }) => {
        const registry = connect();
        const services = Array.from({ length: 6 }, (_, n) => sampleInstance(`s${n}`));
        for (const i of services) await announce(registry, i, 60_000);
        const watches = services.map((i) => watch(registry, i.service));
        await eventually(() => watches.every((w, n) => ids(w.at(-1)) === services[n]?.id) && fake.held === 6);
        fake.requests.length = 0;
        fake.fault = (_, path) => (path.startsWith("/v1/health/") ? fault : undefined);
        // Held questions are answered by the change, and the next ones by the fault.
        for (const id of fake.state.ids) fake.state.update(`service:${id}`, "warning", "");
        await eventually(
          () => watches.every((w) => w.at(-1)?.stale === true),
          () => watches.map((w) => w.at(-1)),
          15_000,
        );
        expect(watches.map((w) => ids(w.at(-1)))).toEqual(services.map((i) => i.id));
        expect(String(watches[0]?.at(-1)?.error)).toContain(message);
        await expect(registry.get("s0")).rejects.toThrow(message);
        await expect(registry.list()).rejects.toThrow("/v1/health/service/");
        expect(fake.requests.length).toBeGreaterThan(6);
        expect(fake.mostASecond).toBeLessThanOrEqual(15);
        fake.fault = () => undefined;
        await eventually(
          () => watches.every((w) => w.at(-1)?.stale === undefined),
          () => watches.map((w) => w.at(-1)),
          15_000,
        );
        expect(watches.map((w) => ids(w.at(-1)))).toEqual(services.map((i) => i.id));
        expect(watches.flat().every((s) => s.instances.length < 2)).toBe(true);
        expect(fake.mostASecond).toBeLessThanOrEqual(15);
      }),
    60_000,
  );

  test("an agent that answers at once, whatever index it is asked for", () =>
    withWorld(async ({ fake, connect, announce, watch }) => {
      const registry = connect();
      await announce(registry, sampleInstance("user"), 60_000);
      fake.requests.length = 0;
      let index = 5000;
      fake.fault = (_, path) => {
        // Its index grows for ever: each question is answered at once.
        if (path.startsWith("/v1/health/")) fake.state.raise(++index);
        return undefined;
      };
      const seen = watch(registry, "user");
      await sleep(3000);
      expect(seen.length).toBeGreaterThan(1);
      expect(fake.mostASecond).toBeLessThanOrEqual(15);
      expect(fake.requests.length).toBeGreaterThan(5);
    }));

  test("an agent that is down: refused connections", () =>
    withWorld(async ({ fake, connect, announce, watch }) => {
      const registry = connect();
      const i = sampleInstance("user");
      await announce(registry, i, 60_000);
      const seen = watch(registry, "user");
      await eventually(() => ids(seen.at(-1)) === i.id);
      await fake.stop();
      await eventually(() => seen.at(-1)?.stale === true);
      expect(ids(seen.at(-1))).toBe(i.id);
      await expect(registry.get("user")).rejects.toMatchObject({ code: "UNAVAILABLE" });
      await expect(registry.lease({ ttlMs: 1000 })).rejects.toMatchObject({ code: "UNAVAILABLE" });
    }));
});

describe("registrations", () => {
  test("an agent restarted without data: registered again within TTL/3 + 1 s, each time, in one record", () =>
    withWorld(async ({ fake, connect, announce, watch }) => {
      const registry = connect();
      const i = sampleInstance("user");
      const keeper = await announce(registry, i, TTL_MS);
      const seen = watch(registry, "user");
      await sleep(1000);
      fake.requests.length = 0;
      for (let n = 1; n <= 3; n++) {
        await fake.stop();
        await sleep(300);
        fake.wipe();
        // Each restart by itself: three within three seconds are not what is measured.
        fake.requests.length = 0;
        await fake.start();
        const ms = await eventually(() => keeper.counts.regained === n && keeper.state === "held");
        expect(ms).toBeLessThan(TTL_MS / 3 + 1000);
        await eventually(() => seen.at(-1)?.stale === undefined && ids(seen.at(-1)) === i.id);
        expect(fake.state.ids.length).toBe(1);
        expect(fake.mostASecond).toBeLessThanOrEqual(15);
      }
    }));

  test.each([0.5, 1.5, 3])(
    "an agent that is away for %f TTLs, and keeps its data: held again within TTL/3 + 1 s",
    (times) =>
      withWorld(async ({ fake, connect, announce, watch }) => {
        const registry = connect();
        const i = sampleInstance("user");
        const keeper = await announce(registry, i, TTL_MS);
        const seen = watch(registry, "user");
        await eventually(() => ids(seen.at(-1)) === i.id);
        await fake.stop();
        fake.requests.length = 0;
        await sleep(times * TTL_MS);
        await fake.start();
        const answered = fake.requests.length;
        const shows = (): boolean => fake.state.catalogued.some((c) => c.status === "passing");
        const ms = await eventually(
          () => keeper.state === "held" && fake.requests.length > answered && shows(),
        );
        expect(ms).toBeLessThan(TTL_MS / 3 + 1000);
        await eventually(() => seen.at(-1)?.stale === undefined && ids(seen.at(-1)) === i.id);
        await eventually(() => fake.state.ids.length === 1);
        expect(fake.mostASecond).toBeLessThanOrEqual(15);
      }),
    30_000,
  );

  test.each(faults)(
    "%s to all that is written: the lease is lost with its TTL, and had again",
    (_, fault) =>
      withWorld(async ({ fake, connect, announce }) => {
        const registry = connect();
        const keeper = await announce(registry, sampleInstance("user"), TTL_MS);
        fake.requests.length = 0;
        fake.fault = (method) => (method === "PUT" ? fault : undefined);
        await eventually(
          () => keeper.state === "lost",
          () => keeper.state,
          TTL_MS + 2000,
        );
        expect(fake.mostASecond).toBeLessThanOrEqual(15);
        fake.fault = () => undefined;
        const ms = await eventually(() => keeper.state === "held");
        expect(ms).toBeLessThan(TTL_MS / 3 + 1000);
        await eventually(() => fake.state.ids.length === 1);
      }),
    30_000,
  );

  test("watches that fail do not hold up the renewals", () =>
    withWorld(async ({ fake, connect, announce, watch }) => {
      const registry = connect();
      const keeper = await announce(registry, sampleInstance("user"), 2 * TTL_MS);
      fake.fault = (_, path) => (path.startsWith("/v1/health/") ? { status: 500, body: "" } : undefined);
      fake.requests.length = 0;
      for (let n = 0; n < 80; n++) watch(registry, `s${n}`);
      await sleep(3 * TTL_MS);
      expect(keeper.counts.lost).toBe(0);
      expect(keeper.state).toBe("held");
      expect(fake.mostASecond).toBeLessThanOrEqual(15);
    }));

  test("what does not come into the catalog is not registered, and why is said", () =>
    withWorld(
      async ({ connect }) => {
        const lease = await connect("?timeout=3s").lease({ ttlMs: 60_000 });
        await expect(lease.put(sampleInstance("user"))).rejects.toThrow(
          /not in Consul's catalog after 3000 ms/,
        );
      },
      { syncMs: 3_600_000 },
    ));

  test("many that do not come into the catalog are not looked for more often than ten times a second", () =>
    withWorld(
      async ({ fake, connect }) => {
        const lease = await connect("?timeout=5s").lease({ ttlMs: 60_000 });
        const puts = Array.from({ length: 20 }, () => lease.put(sampleInstance("user")));
        const ended = await Promise.allSettled(puts);
        expect(ended.map(({ status }) => status)).toEqual(puts.map(() => "rejected"));
        // Looking often for a moment is allowed; how long that moment is depends on the machine. The end is what goes on.
        const last = fake.requests.at(-1)?.at as number;
        fake.requests.splice(
          0,
          fake.requests.findIndex(({ at }) => at > last - 2000),
        );
        expect(fake.requests.length).toBeGreaterThan(5);
        expect(fake.mostASecond).toBeLessThanOrEqual(15);
      },
      { syncMs: 3_600_000 },
    ));

  test("no leader: no lease", () =>
    withWorld(async ({ fake, connect }) => {
      fake.leader = "";
      await expect(connect().lease({ ttlMs: 1000 })).rejects.toThrow("Consul has no leader");
    }));
});

describe("time goes by twenty times as fast", () => {
  const runtime = fastRuntime(20);

  test("a stuck answer: the view is kept, said after wait + wait/16 + 5 s, and asked again", () =>
    withWorld(
      async ({ fake, connect, announce, watch }) => {
        const registry = connect("?timeout=60s");
        const i = sampleInstance("user");
        await announce(registry, i, 300_000);
        fake.fault = (_, path) => (path.includes("index=") ? "stuck" : undefined);
        const started = runtime.clock.fresh();
        const seen = watch(registry, "user");
        const stale = (): (typeof seen)[number] | undefined => seen.find((s) => s.stale === true);
        await eventually(
          () => stale() !== undefined,
          () => seen,
          8000,
        );
        expect(runtime.clock.fresh() - started).toBeGreaterThan(63_000);
        expect(String(stale()?.error)).toContain("no answer within 63438 ms");
        expect(seen.map(ids)).toEqual(seen.map(() => i.id));
        // And asked at once from none, which is answered.
        await eventually(() => seen.length === 3);
        fake.fault = () => undefined;
        await eventually(() => seen.at(-1)?.stale === undefined);
        expect(ids(seen.at(-1))).toBe(i.id);
      },
      { runtime },
    ));

  test("a request that is not answered: given up after its timeout", () =>
    withWorld(
      async ({ fake, connect }) => {
        fake.fault = () => "stuck";
        await expect(connect("?timeout=2s").get("user")).rejects.toThrow("no answer within 2000 ms");
      },
      { runtime },
    ));

  test("an idle minute costs a renewal each TTL/3 and a question each 55 s, and writes nothing", () =>
    withWorld(
      async ({ fake, connect, announce, watch }) => {
        const registry = connect("?timeout=60s");
        await announce(registry, sampleInstance("user"), 60_000);
        const seen = [watch(registry, "user"), watch(registry, "user"), watch(registry, "nobody")];
        await eventually(() => seen.every((s) => s.length > 0));
        await sleep(200);
        const index = fake.state.index;
        fake.requests.length = 0;
        await sleep(3000);
        const renewals = fake.requests.filter(({ path }) => path.startsWith("/v1/agent/check/pass/"));
        expect(renewals.length).toBeGreaterThanOrEqual(1);
        expect(renewals.length).toBeLessThanOrEqual(5);
        expect(fake.requests.length - renewals.length).toBeLessThanOrEqual(4);
        expect(fake.state.index).toBe(index);
      },
      { runtime },
    ));

  test("a service whose owner died is unseen after its TTL, and taken out by Consul", () =>
    withWorld(
      async ({ fake, connect }) => {
        const registry = connect("?timeout=60s");
        const from = runtime.clock.fresh();
        await (await registry.lease({ ttlMs: 5000 })).put(sampleInstance("user"));
        await sleep(6500 / 20);
        expect((await registry.get("user")).instances).toEqual([]);
        expect(fake.state.ids.length).toBe(1);
        await eventually(
          () => fake.state.ids.length === 0,
          () => fake.state.ids,
          6000,
        );
        expect(runtime.clock.fresh() - from).toBeGreaterThan(60_000);
      },
      { runtime },
    ));

  test("a lease that others' deregistration took: lost at the next renewal, and registered anew", () =>
    withWorld(
      async ({ fake, connect, announce }) => {
        const registry = connect("?timeout=60s");
        const keeper = await announce(registry, sampleInstance("user"), 15_000);
        await keeper.put(sampleInstance("order"));
        const { regained } = keeper.counts;
        fake.state.deregister(fake.state.ids[0] as string);
        await eventually(() => keeper.counts.regained > regained);
        // The other's record of before is replaced at once, not left behind until it ends.
        await eventually(
          () => fake.state.ids.length === 2,
          () => fake.state.ids,
          2000,
        );
      },
      { runtime },
    ));
});

describe("indexes", () => {
  test("an index that goes backwards: asked anew, exact, and held again afterwards", () =>
    withWorld(async ({ fake, connect, watch }) => {
      const registry = connect();
      const [before, after] = [sampleInstance("user"), sampleInstance("user")];
      await (await registry.lease({ ttlMs: 60_000 })).put(before);
      const seen = watch(registry, "user");
      await eventually(() => ids(seen.at(-1)) === before.id && fake.held === 1);
      fake.wipe(10);
      await eventually(() => ids(seen.at(-1)) === "");
      await (await connect().lease({ ttlMs: 60_000 })).put(after);
      await eventually(() => ids(seen.at(-1)) === after.id);
      await eventually(() => fake.held === 1);
      fake.requests.length = 0;
      await sleep(700);
      expect(fake.requests).toEqual([]);
    }));

  test("a store that lost its data while it was away: seen at once, not after 55 s", () =>
    withWorld(async ({ fake, connect, watch }) => {
      const registry = connect();
      const [before, after] = [sampleInstance("user"), sampleInstance("user")];
      await (await registry.lease({ ttlMs: 60_000 })).put(before);
      const seen = watch(registry, "user");
      await eventually(() => ids(seen.at(-1)) === before.id && fake.held === 1);
      await fake.stop();
      fake.wipe(10);
      await fake.start();
      await sleep(100);
      await (await connect().lease({ ttlMs: 60_000 })).put(after);
      await eventually(() => ids(seen.at(-1)) === after.id && seen.at(-1)?.stale === undefined);
    }));

  test("an answer without an index is not Consul's", () =>
    withWorld(async ({ fake, connect }) => {
      fake.fault = () => ({ status: 200, body: "[]" });
      await expect(connect().get("user")).rejects.toThrow("no X-Consul-Index: is it Consul that answers?");
    }));
});
