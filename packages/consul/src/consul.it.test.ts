import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { sampleInstance } from "@skein/conformance";
import { describe, expect, test } from "vitest";
import { fastRuntime } from "./test/fast-runtime.ts";
import { eventually, sleep, withWorld } from "./test/world.ts";

const TOKENS = new Map([
  ["good", { write: true, read: true }],
  ["writer", { write: true, read: false }],
]);

describe("tokens", () => {
  test("a token that may all", () =>
    withWorld(async ({ fake, connect }) => {
      fake.tokens = TOKENS;
      const registry = connect("", { token: "good" });
      const i = sampleInstance("user");
      await (await registry.lease({ ttlMs: 5000 })).put(i);
      expect((await registry.get("user")).instances).toEqual([i]);
    }));

  test("a wrong token, and none: said, without the token, and nothing is lost of the view", () =>
    withWorld(async ({ fake, connect, announce, watch, log }) => {
      const i = sampleInstance("user");
      const registry = connect("", { token: "s3cret" });
      await announce(registry, i, 3000);
      const seen = watch(registry, "user");
      await eventually(() => seen.at(-1)?.instances.length === 1);
      fake.tokens = TOKENS;
      for (const id of fake.state.ids) fake.state.update(`service:${id}`, "warning", "");
      await eventually(() => seen.at(-1)?.stale === true);
      expect(seen.at(-1)?.instances).toEqual([i]);
      expect(String(seen.at(-1)?.error)).toContain("403 ACL not found");
      await eventually(() => log.some((line) => line.includes("403 ACL not found")));
      await expect(registry.get("user")).rejects.toThrow("403 ACL not found");
      expect(registry.name).toContain("consul://***@127.0.0.1");
      expect([registry.name, ...log, ...seen.map((s) => String(s.error))].join()).not.toContain("s3cret");
      await expect(connect().get("user")).rejects.toThrow("it needs service:read and node:read");
      const lease = await connect().lease({ ttlMs: 5000 });
      await expect(lease.put(i)).rejects.toThrow("403 Permission denied");
    }));

  test("a token that may write and not look: registers; looking says what it lacks", () =>
    withWorld(async ({ fake, connect, watch }) => {
      fake.tokens = TOKENS;
      const registry = connect("", { token: "writer" });
      const i = sampleInstance("user");
      await (await registry.lease({ ttlMs: 5000 })).put(i);
      const seen = watch(registry, "user");
      await eventually(() => seen.length > 0);
      expect(seen[0]?.stale).toBe(true);
      expect(String(seen[0]?.error)).toContain("may not see what is there");
      expect((await connect("", { token: "good" }).get("user")).instances).toEqual([i]);
    }));
});

describe("in Consul", () => {
  test("what is not ready is critical, what drains a warning, with its status for those who read Meta", () =>
    withWorld(async ({ fake, connect }) => {
      const registry = connect();
      const lease = await registry.lease({ ttlMs: 60_000 });
      const i = sampleInstance("user");
      const said = (): string[] => fake.state.catalogued.map((known) => String(known.status));
      for (const [status, inConsul] of [
        ["not-ready", "critical"],
        ["serving", "passing"],
        ["not-ready", "critical"],
        ["draining", "warning"],
        ["serving", "passing"],
      ] as const) {
        await lease.put({ ...i, status });
        expect(said()).toEqual([inConsul]);
        expect((await registry.get("user")).instances).toEqual([{ ...i, status }]);
        expect(await lease.renew()).toBe("held");
        await sleep(50);
        expect(said()).toEqual([inConsul]);
      }
    }));

  test("a service whose TTL ran out is well again once it is put or renewed", () =>
    withWorld(async ({ connect }) => {
      const registry = connect();
      const lease = await registry.lease({ ttlMs: 2000 });
      const i = sampleInstance("user");
      const found = async (): Promise<number> => (await registry.get("user")).instances.length;
      await lease.put(i);
      await sleep(2500);
      expect(await found()).toBe(0);
      await lease.put(i);
      expect(await found()).toBe(1);
      await sleep(2500);
      expect(await found()).toBe(0);
      expect(await lease.renew()).toBe("held");
      await sleep(50);
      expect(await found()).toBe(1);
    }));

  test("a service that others registered is found, and followed", () =>
    withWorld(async ({ fake, connect, watch }) => {
      const registry = connect();
      const seen = watch(registry, "web");
      const body = JSON.stringify({ Name: "web", Address: "10.1.1.1", Port: 80, Check: { TTL: "30s" } });
      await fetch(`http://${fake.address}/v1/agent/service/register`, { method: "PUT", body });
      await sleep(100);
      expect((await registry.get("web")).instances).toEqual([]);
      fake.state.update("service:web", "passing", "");
      await eventually(() => seen.at(-1)?.instances[0]?.addresses[0]?.url === "tcp://10.1.1.1:80");
      fake.state.update("service:web", "critical", "");
      await eventually(() => seen.at(-1)?.instances.length === 0);
    }));

  test("namespaces do not see each other, and neither does who has none", () =>
    withWorld(async ({ connect }) => {
      const all = [undefined, "a", "a--b"].map((namespace) =>
        connect("", namespace === undefined ? {} : { namespace }),
      );
      for (const registry of all) {
        const lease = await registry.lease({ ttlMs: 60_000 });
        await lease.put(sampleInstance("user"));
        await lease.put(sampleInstance("b--user"));
      }
      for (const registry of all) {
        expect((await registry.get("user")).instances.length).toBe(1);
        expect((await registry.list()).map((s) => `${s.name} ${s.instances}`)).toEqual([
          "b--user 1",
          "user 1",
        ]);
        expect(registry.malformed).toBe(0);
      }
    }));

  test("deregisterAfter below Consul's minimum is raised, and that is said", () =>
    withWorld(async ({ fake, connect, log }) => {
      const lease = await connect("?deregisterAfter=10s").lease({ ttlMs: 5000 });
      await lease.put(sampleInstance("user"));
      expect(log.join()).toContain("deregisterAfter is less than Consul's minimum: raised");
      expect(fake.state.local(fake.state.ids[0] as string)?.check?.deregisterMs).toBe(60_000);
    }));

  test("a datacenter is for looking; registering is here", () =>
    withWorld(async ({ connect }) => {
      await (await connect("?dc=elsewhere").lease({ ttlMs: 5000 })).put(sampleInstance("user"));
      expect((await connect("?dc=dc1").get("user")).instances.length).toBe(1);
      await expect(connect("?dc=elsewhere").get("user")).rejects.toThrow("500 No path to datacenter");
    }));

  test("a release ends a registration that waits for the catalog", () =>
    withWorld(
      async ({ fake, connect }) => {
        const lease = await connect().lease({ ttlMs: 60_000 });
        const put = expect(lease.put(sampleInstance("user"))).rejects.toMatchObject({
          name: "LeaseLostError",
        });
        await eventually(() => fake.state.ids.length === 1);
        const started = performance.now();
        await lease.release();
        await put;
        expect(performance.now() - started).toBeLessThan(4000);
        expect(fake.state.ids).toEqual([]);
      },
      { syncMs: 3_600_000 },
    ));

  test("a record that Consul could not hold is refused", () =>
    withWorld(async ({ fake, connect }) => {
      const lease = await connect().lease({ ttlMs: 5000 });
      const addresses = Array.from({ length: 60 }, () => ({
        protocol: "skein",
        url: `tcp://${"h".repeat(900)}:1`,
      }));
      await expect(lease.put(sampleInstance("user", { addresses }))).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
      });
      expect(fake.state.ids).toEqual([]);
    }));
});

describe("time goes by twenty times as fast", () => {
  const runtime = fastRuntime(20);

  test("watch=poll: one poll a service each interval, however many watch, and changes are seen", () =>
    withWorld(
      async ({ fake, connect, watch }) => {
        const registry = connect("?watch=poll&interval=10s&timeout=60s");
        const seen = [watch(registry, "user"), watch(registry, "user"), watch(registry, "user")];
        await eventually(() => seen.every((s) => s.length === 1));
        const i = sampleInstance("user");
        await (await connect("?timeout=60s").lease({ ttlMs: 600_000 })).put(i);
        await eventually(() => seen.every((s) => s.at(-1)?.instances.length === 1));
        fake.requests.length = 0;
        await sleep(3000);
        expect(fake.requests.length).toBeGreaterThanOrEqual(2);
        expect(fake.requests.length).toBeLessThanOrEqual(7);
        expect(fake.requests.every(({ path }) => path === "/v1/health/service/user")).toBe(true);
        expect(seen.map((s) => s.length)).toEqual([2, 2, 2]);
      },
      { runtime },
    ));

  test("check=http: Consul asks the service itself; renewals only see that it is there", () =>
    withWorld(
      async ({ fake, connect, announce, watch }) => {
        let status = 200;
        const asked: string[] = [];
        const health = createServer((request, response) => {
          asked.push(request.url as string);
          response.writeHead(status).end();
        });
        await new Promise<void>((resolve) => health.listen(0, "127.0.0.1", resolve));
        try {
          const { port } = health.address() as AddressInfo;
          const addresses = [{ protocol: "skein", url: `tcp://127.0.0.1:${port}` }];
          const i = sampleInstance("user", { addresses });
          const registry = connect("?check=http&timeout=60s");
          const keeper = await announce(registry, i, 30_000);
          const seen = watch(registry, "user");
          await eventually(() => seen.at(-1)?.instances.length === 1 && asked.length >= 2);
          expect(new Set(asked)).toEqual(new Set(["/health/ready"]));
          status = 503;
          await eventually(() => seen.at(-1)?.instances.length === 0);
          // A change of status while Consul thinks ill of it is written all the same.
          await keeper.put({ ...i, status: "not-ready" });
          expect(keeper.state).toBe("held");
          status = 200;
          await eventually(() => seen.at(-1)?.instances[0]?.status === "not-ready");
          const { regained } = keeper.counts;
          fake.state.deregister(fake.state.ids[0] as string);
          await eventually(() => keeper.counts.regained > regained && seen.at(-1)?.instances.length === 1);
          const paths = fake.requests.map(({ path }) => path);
          expect(paths.some((path) => path.startsWith("/v1/agent/check/"))).toBe(false);
          expect(paths).toContain("/v1/agent/services");
        } finally {
          health.closeAllConnections();
          health.close();
        }
      },
      { runtime },
    ));
});
