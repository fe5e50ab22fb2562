import { once } from "node:events";
import { connect } from "node:net";
import { type Lease, type Registry, Rpc, Service } from "@skein/core";
import { describe, expect, test } from "vitest";
import { currentContext } from "./ambient.ts";
import { fetchReady, OrderService, UserService, useBench } from "./test/app-bench.ts";

const bench = useBench();
const status = async (service: string): Promise<string | undefined> =>
  (await bench.registry.get(service)).instances[0]?.status;

describe("the advertised address", () => {
  test("must lead here when asked so; a warning where it was given", async () => {
    const nowhere = { advertise: "127.0.0.1:1" };
    await expect(bench.start([new OrderService()], { ...nowhere, selfDial: "require" })).rejects.toThrow(
      'the advertised address tcp://127.0.0.1:1 does not lead here: tcp://127.0.0.1:1 refused the connection: nothing listens there. Set SKEIN_ADVERTISE to one that does, or the option selfDial to "off"',
    );
    await bench.start([new OrderService()], nowhere);
    expect(bench.logs.find("does not lead here")).toMatchObject({
      level: "warn",
      address: "tcp://127.0.0.1:1",
    });
    bench.logs.lines.length = 0;
    await bench.start([new UserService()], { ...nowhere, selfDial: "off" });
    expect(bench.logs.find("does not lead here")).toBeUndefined();
  });

  test("somebody else's is no good, even where the service has the same name", async () => {
    const other = await bench.start([new UserService()]);
    await expect(
      bench.start([new UserService()], { advertise: other.address, selfDial: "require" }),
    ).rejects.toThrow(/does not lead here: .*is not served here/);
  });

  test("a server that asks for credentials is reached all the same", async () => {
    const app = await bench.start([new UserService()], { authenticate: (given) => given === "open sesame" });
    await using stranger = bench.client();
    await expect(stranger.service<UserService>("user").greet("x")).rejects.toThrow();
    await using guest = bench.client({ credentials: async () => "open sesame" });
    expect(await guest.service<UserService>("user").greet("x")).toBe("Hello, x");
    expect(app.state).toBe("serving");
  });
});

describe("health", () => {
  test("checks and lease, over HTTP on the service's port", async () => {
    const app = await bench.start([new UserService()], { health: { checks: { database: () => true } } });
    expect(await fetchReady(app)).toEqual([
      200,
      { status: "ready", checks: { database: { ok: true, ms: expect.any(Number) }, lease: { ok: true } } },
    ]);
    const live = await fetch(`${app.address.replace("tcp:", "http:")}/health/live`);
    expect([live.status, await live.json()]).toEqual([200, { status: "live" }]);
  });

  test("a check that fails makes the instance not-ready in the registry within a second, and back", async () => {
    let up = true;
    const app = await bench.start([new UserService(), new OrderService()], {
      health: { checks: { database: () => up } },
    });
    const until = async (wanted: string): Promise<number> => {
      const from = performance.now();
      await expect
        .poll(() => Promise.all([status("user"), status("order")]), { interval: 10, timeout: 10_000 })
        .toEqual([wanted, wanted]);
      return performance.now() - from;
    };
    await until("serving");
    up = false;
    expect(await until("not-ready")).toBeLessThan(5000);
    expect((await app.ready()).ok).toBe(false);
    expect(app.services().map((i) => i.status)).toEqual(["not-ready", "not-ready"]);
    up = true;
    expect(await until("serving")).toBeLessThan(5000);
  });

  test("checks that fail at start: announced as not ready", async () => {
    await bench.start([new UserService()], { health: { checks: { database: () => false } } });
    expect(await status("user")).toBe("not-ready");
  });

  test("a lease that is not held is not ready, unless that is not asked for", async () => {
    let down = false;
    const moody: Registry = {
      ...bench.registry,
      name: "memory:moody",
      async lease(options) {
        if (down) throw new Error("registry is down");
        const lease = await bench.registry.lease(options);
        const wrapped: Lease = {
          ttlMs: lease.ttlMs,
          async renew() {
            if (!down) return lease.renew();
            await lease.release();
            return "lost";
          },
          put: (instance) => lease.put(instance),
          remove: (id) => lease.remove(id),
          release: () => lease.release(),
        };
        return wrapped;
      },
    };
    const strict = await bench.start([new UserService()], { registry: moody, ttl: "500ms" });
    const lenient = await bench.start([new OrderService()], {
      registry: moody,
      ttl: "500ms",
      health: { lease: false },
    });
    down = true;
    await expect
      .poll(() => fetchReady(strict), { timeout: 10_000 })
      .toEqual([503, { status: "not ready", checks: { lease: { ok: false, reason: "not held" } } }]);
    expect((await lenient.ready()).ok).toBe(true);
    down = false;
    await expect.poll(async () => (await strict.ready()).ok, { timeout: 10_000 }).toBe(true);
  });
});

test("what speaks no protocol is closed, with one line however many come", async () => {
  const app = await bench.start([new UserService()]);
  const port = Number(app.address.split(":").at(-1));
  for (let i = 0; i < 3; i++) {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.write("\x16\x03\x01 not for us");
    await once(socket, "close");
  }
  const lines = bench.logs.lines.filter(({ message }) => message.includes("speaks no protocol"));
  expect(lines).toMatchObject([{ level: "warn", firstBytes: "160301206e6f7420666f72207573" }]);
});

describe("context", () => {
  test("currentContext() is the call's, nested calls inherit its deadline and trace", async () => {
    await using inner = bench.client();
    @Service("front")
    class Front {
      @Rpc() async ask(): Promise<{ method: string | undefined; left: number; trace: string | undefined }> {
        await undefined;
        const method = currentContext()?.method;
        const { left, trace } = await inner.service<UserService>("user").budget();
        return { method, left, trace };
      }
    }
    await bench.start([new UserService(), new Front()]);
    await using outer = bench.client();
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const answer = await outer
      .service<Front>("front")
      .ask(undefined, { timeoutMs: 4000, metadata: { traceparent } });
    expect(answer.method).toBe("ask");
    expect(answer.left).toBeGreaterThan(0);
    expect(answer.left).toBeLessThanOrEqual(4000);
    expect(answer.trace).toContain("0af7651916cd43dd8448eb211c80319c");
    expect(currentContext()).toBeUndefined();
  });

  test("context: false keeps calls out of it", async () => {
    @Service("bare")
    class Bare {
      @Rpc() async ask(): Promise<boolean> {
        return currentContext() === undefined;
      }
    }
    await bench.start([new Bare()], { context: false });
    await using c = bench.client();
    expect(await c.service<Bare>("bare").ask()).toBe(true);
  });
});
