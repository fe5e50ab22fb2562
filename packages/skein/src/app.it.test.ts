import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type CallContext,
  type Instance,
  type Lease,
  type Registry,
  Rpc,
  type RpcError,
  Service,
  silentLogger,
} from "@skein/core";
import { createMemoryRegistry } from "@skein/registry";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { currentContext } from "./ambient.ts";
import type { App } from "./app.ts";
import { type ClientOptions, createClient } from "./client.ts";
import { nodeRuntime } from "./node-runtime.ts";
import { serve } from "./serve.ts";
import type { ServeOptions } from "./serve-options.ts";
import { collectLogs } from "./test/collect-logs.ts";

@Service("user", { version: "1.2.0" })
class UserService {
  readonly events: string[] = [];
  constructor(readonly name = "user") {}
  onStart(): void {
    this.events.push(`${this.name} starts`);
  }
  onStop(): void {
    this.events.push(`${this.name} stops`);
  }
  @Rpc({ idempotent: true }) async greet(name: string): Promise<string> {
    return `Hello, ${name}`;
  }
  @Rpc() async slow(ms: number): Promise<string> {
    this.events.push("slow begins");
    await new Promise((resolve) => setTimeout(resolve, ms));
    this.events.push("slow ends");
    return "done";
  }
  @Rpc() async budget(_: undefined, ctx: CallContext): Promise<{ left: number; trace: string | undefined }> {
    return { left: ctx.timeLeftMs, trace: ctx.traceparent };
  }
}

@Service("order", { version: "0.1.0" })
class OrderService {
  @Rpc() async total(): Promise<number> {
    return 7;
  }
}

let registry: Registry;
const apps: App[] = [];
let logs = collectLogs();
beforeEach(() => {
  registry = createMemoryRegistry({ runtime: nodeRuntime });
  logs = collectLogs();
});
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
  expect(process.listenerCount("SIGTERM")).toBe(0);
  expect(process.listenerCount("SIGINT")).toBe(0);
  expect((await registry.list()).length).toBe(0);
  await registry.close();
});

async function start(targets: object[], options: ServeOptions = {}): Promise<App> {
  const app = await serve(...targets, { registry, log: logs.logger, ...options });
  apps.push(app);
  return app;
}
const client = (options: ClientOptions = {}) => createClient({ registry, log: silentLogger, ...options });
const fetchReady = async (app: App): Promise<[number, unknown]> => {
  const response = await fetch(`${app.address.replace("tcp:", "http:")}/health/ready`);
  return [response.status, await response.json()];
};
const status = async (service = "user"): Promise<string | undefined> =>
  (await registry.get(service)).instances[0]?.status;

describe("serving", () => {
  test("several services on one port and lease, one line, called through a client", async () => {
    const app = await start([new UserService(), new OrderService()], {
      metadata: { team: "a" },
      zone: "z1",
      weight: 2,
    });
    expect(app.address).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+$/);
    expect(app.services()).toMatchObject([
      {
        service: "user",
        version: "1.2.0",
        status: "serving",
        metadata: { team: "a" },
        zone: "z1",
        weight: 2,
      },
      { service: "order", version: "0.1.0", addresses: [{ protocol: "skein", url: app.address }] },
    ]);
    expect((await registry.get("user")).instances).toEqual([app.services()[0]]);
    expect(logs.lines.filter(({ level }) => level !== "debug")).toEqual([
      {
        level: "info",
        message: `serving user 1.2.0, order 0.1.0 at ${app.address}, announced in memory:`,
        address: app.address,
        services: ["user 1.2.0", "order 0.1.0"],
        registry: "memory:",
      },
    ]);
    await using c = client();
    expect(await c.service<UserService>("user").greet("Ada")).toBe("Hello, Ada");
    expect(await c.service<OrderService>("order").total()).toBe(7);
    expect(app.report().find(({ method }) => method === "greet")?.succeeded).toBe(1);
  });

  test("services come and go while it runs", async () => {
    const user = new UserService();
    const app = await start([user]);
    await using c = client();
    const added = await app.add(new OrderService());
    expect((await registry.get("order")).instances).toEqual([added]);
    expect(await c.service<OrderService>("order").total()).toBe(7);
    const slow = c.service<UserService>("user").slow(100);
    await expect.poll(() => user.events).toContain("slow begins");
    await app.remove("user");
    expect(await slow).toBe("done");
    expect(user.events).toEqual(["user starts", "slow begins", "slow ends", "user stops"]);
    expect((await registry.get("user")).instances).toEqual([]);
    expect(await c.service<OrderService>("order").total()).toBe(7);
    await expect(c.service<UserService>("user").greet("x")).rejects.toMatchObject({ executed: "no" });
    await expect(app.remove("user")).rejects.toThrow("service user is not served here: order is");
    await app.add(new UserService());
    await expect
      .poll(() =>
        c
          .service<UserService>("user")
          .greet("y")
          .catch((e: RpcError) => e.code),
      )
      .toBe("Hello, y");
  });

  test("over a Unix socket, and within the process", async () => {
    const directory = mkdtempSync(join(tmpdir(), "skein-app-"));
    for (const listen of [`unix:${join(directory, "a.sock")}`, "memory:app"]) {
      const app = await start([new UserService()], { listen });
      expect(app.address).toBe(listen.replace("memory:", "memory://"));
      await using c = client();
      expect(await c.service<UserService>("user").greet("Ada")).toBe("Hello, Ada");
      await app.close();
    }
    rmSync(directory, { recursive: true });
  });

  test("the same name and version twice is refused, naming both", async () => {
    class Other extends UserService {}
    await expect(start([new UserService(), new Other()])).rejects.toThrow(
      "service user 1.2.0 is served twice in this process, by UserService and by Other: give one of them another name or version",
    );
    const app = await start([new UserService()]);
    await expect(app.add(new Other())).rejects.toThrow("by UserService and by Other");
    expect(app.services()).toHaveLength(1);
  });

  test("an option that does not exist is refused with those that do", async () => {
    await expect(serve(new UserService(), { registri: "memory:" } as never)).rejects.toThrow(
      /^serve has no option "registri": there are registry, namespace, /,
    );
    await expect(serve({} as never, {})).rejects.toThrow("Object is not a service");
  });

  test("a read-only registry: served, and said not to be announced", async () => {
    const app = await start([new OrderService()], {
      registry: "static://order=127.0.0.1:1",
      listen: "127.0.0.1:0",
      advertise: "127.0.0.1",
    });
    expect(logs.find("serving order")?.message).toBe(
      `serving order 0.1.0 at ${app.address}, not announced: static: is read-only`,
    );
    expect(await fetchReady(app)).toEqual([200, { status: "ready", checks: {} }]);
    await using c = client({ registry: `static://order=${app.address}` });
    expect(await c.service<OrderService>("order").total()).toBe(7);
  });
});

describe("starting and stopping", () => {
  test("services start before anybody can call them and stop in reverse, after what ran", async () => {
    const events: string[] = [];
    const named = (name: string, target: object): object => Object.assign(target, { name, events });
    const [a, b] = [
      new UserService(),
      new (class extends OrderService {
        onStart(): void {
          events.push("order starts");
        }
        onStop(): void {
          events.push("order stops");
        }
      })(),
    ];
    const app = await start([named("user", a), b]);
    await using c = client();
    const slow = c.service<UserService>("user").slow(50);
    await expect.poll(() => events).toContain("slow begins");
    await app.close();
    expect(await slow).toBe("done");
    expect(events).toEqual([
      "user starts",
      "order starts",
      "slow begins",
      "slow ends",
      "order stops",
      "user stops",
    ]);
  });

  test("onStart that fails: the start fails with it, those before it are stopped, the port is free", async () => {
    const user = new UserService();
    const first = await start([new OrderService()]);
    const port = first.address.split(":").at(-1);
    await first.close();
    const failing = new (class extends OrderService {
      async onStart(): Promise<void> {
        throw new Error("no database");
      }
    })();
    await expect(start([user, failing], { listen: `127.0.0.1:${port}` })).rejects.toThrow("no database");
    expect(user.events).toEqual(["user starts", "user stops"]);
    await start([new OrderService()], { listen: `127.0.0.1:${port}` });
  });

  test("onStop that fails is logged, and the rest is stopped", async () => {
    const failing = new (class extends OrderService {
      onStop(): void {
        throw new Error("stuck");
      }
    })();
    const user = new UserService();
    await (await start([user, failing])).close();
    expect(logs.find("onStop failed")).toMatchObject({
      level: "error",
      service: "order",
      err: { message: "stuck" },
    });
    expect(user.events).toEqual(["user starts", "user stops"]);
  });

  test("closing twice is closing once; using disposes", async () => {
    const user = new UserService();
    {
      await using app = await start([user]);
      expect(app.state).toBe("serving");
      void app.close();
    }
    expect(user.events).toEqual(["user starts", "user stops"]);
    await expect(apps.at(-1)?.add(new OrderService())).rejects.toThrow(
      "nothing can be added: the app is closed",
    );
  });

  test("who is in the registry can be called: the first call after its record is seen succeeds, 100 of 100", async () => {
    for (let i = 0; i < 100; i++) {
      await using c = client();
      const answer = c
        .service<OrderService>("order")
        .total(undefined, { waitForReady: true, retries: false });
      const app = await serve(new OrderService(), { registry, log: silentLogger });
      expect(await answer).toBe(7);
      await app.close();
    }
  });

  test("a registry that hangs holds up the end for two seconds at most, and callers were told", async () => {
    const stuck: Registry = {
      ...registry,
      name: "memory:stuck",
      async lease(options) {
        const lease = await registry.lease(options);
        const never = new Promise<never>(() => {});
        const wrapped: Lease = {
          ttlMs: lease.ttlMs,
          renew: () => lease.renew(),
          put: (instance: Instance) => (instance.status === "draining" ? never : lease.put(instance)),
          remove: () => never,
          async release() {
            await lease.release();
            await never;
          },
        };
        return wrapped;
      },
    };
    const app = await start([new OrderService()], { registry: stuck });
    const started = performance.now();
    await app.close();
    expect(performance.now() - started).toBeLessThan(2500);
  });
});

describe("the advertised address", () => {
  test("must lead here when asked so; a warning where it was given", async () => {
    const nowhere = { advertise: "127.0.0.1:1" };
    await expect(start([new OrderService()], { ...nowhere, selfDial: "require" })).rejects.toThrow(
      'the advertised address tcp://127.0.0.1:1 does not lead here: tcp://127.0.0.1:1 refused the connection: nothing listens there. Set SKEIN_ADVERTISE to one that does, or the option selfDial to "off"',
    );
    await start([new OrderService()], nowhere);
    expect(logs.find("does not lead here")).toMatchObject({ level: "warn", address: "tcp://127.0.0.1:1" });
    logs.lines.length = 0;
    await start([new UserService()], { ...nowhere, selfDial: "off" });
    expect(logs.find("does not lead here")).toBeUndefined();
  });

  test("somebody else's is no good, even where the service has the same name", async () => {
    const other = await start([new UserService()]);
    await expect(
      start([new UserService()], { advertise: other.address, selfDial: "require" }),
    ).rejects.toThrow(/does not lead here: .*is not served here/);
  });

  test("a server that asks for credentials is reached all the same", async () => {
    const app = await start([new UserService()], { authenticate: (given) => given === "open sesame" });
    await using stranger = client();
    await expect(stranger.service<UserService>("user").greet("x")).rejects.toThrow();
    await using guest = client({ credentials: async () => "open sesame" });
    expect(await guest.service<UserService>("user").greet("x")).toBe("Hello, x");
    expect(app.state).toBe("serving");
  });
});

describe("health", () => {
  test("checks and lease, over HTTP on the service's port", async () => {
    const app = await start([new UserService()], { health: { checks: { database: () => true } } });
    expect(await fetchReady(app)).toEqual([
      200,
      { status: "ready", checks: { database: { ok: true, ms: 0 }, lease: { ok: true } } },
    ]);
    const live = await fetch(`${app.address.replace("tcp:", "http:")}/health/live`);
    expect([live.status, await live.json()]).toEqual([200, { status: "live" }]);
  });

  test("a check that fails makes the instance not-ready in the registry within a second, and back", async () => {
    let up = true;
    const app = await start([new UserService(), new OrderService()], {
      health: { checks: { database: () => up } },
    });
    const until = async (wanted: string): Promise<number> => {
      const from = performance.now();
      await expect
        .poll(() => Promise.all([status("user"), status("order")]), { interval: 10, timeout: 3000 })
        .toEqual([wanted, wanted]);
      return performance.now() - from;
    };
    await until("serving");
    up = false;
    expect(await until("not-ready")).toBeLessThan(1000);
    expect((await app.ready()).ok).toBe(false);
    expect(app.services().map((i) => i.status)).toEqual(["not-ready", "not-ready"]);
    up = true;
    expect(await until("serving")).toBeLessThan(1000);
  });

  test("checks that fail at start: announced as not ready", async () => {
    await start([new UserService()], { health: { checks: { database: () => false } } });
    expect(await status()).toBe("not-ready");
  });

  test("a lease that is not held is not ready, unless that is not asked for", async () => {
    let down = false;
    const moody: Registry = {
      ...registry,
      name: "memory:moody",
      async lease(options) {
        if (down) throw new Error("registry is down");
        const lease = await registry.lease(options);
        const wrapped: Lease = {
          ttlMs: lease.ttlMs,
          renew: async () => (down ? "lost" : lease.renew()),
          put: (instance) => lease.put(instance),
          remove: (id) => lease.remove(id),
          release: () => lease.release(),
        };
        return wrapped;
      },
    };
    const strict = await start([new UserService()], { registry: moody, ttl: "500ms" });
    const lenient = await start([new OrderService()], {
      registry: moody,
      ttl: "500ms",
      health: { lease: false },
    });
    down = true;
    await expect
      .poll(() => fetchReady(strict), { timeout: 3000 })
      .toEqual([503, { status: "not ready", checks: { lease: { ok: false, reason: "not held" } } }]);
    expect((await lenient.ready()).ok).toBe(true);
    down = false;
    await expect.poll(async () => (await strict.ready()).ok, { timeout: 3000 }).toBe(true);
  });
});

test("what speaks no protocol is closed, with one line however many come", async () => {
  const app = await start([new UserService()]);
  const port = Number(app.address.split(":").at(-1));
  for (let i = 0; i < 3; i++) {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.write("\x16\x03\x01 not for us");
    await once(socket, "close");
  }
  const lines = logs.lines.filter(({ message }) => message.includes("speaks no protocol"));
  expect(lines).toMatchObject([{ level: "warn", firstBytes: "160301206e6f7420666f72207573" }]);
});

describe("context", () => {
  test("currentContext() is the call's, nested calls inherit its deadline and trace", async () => {
    await using inner = client();
    @Service("front")
    class Front {
      @Rpc() async ask(): Promise<{ method: string | undefined; left: number; trace: string | undefined }> {
        await undefined;
        const method = currentContext()?.method;
        const { left, trace } = await inner.service<UserService>("user").budget();
        return { method, left, trace };
      }
    }
    await start([new UserService(), new Front()]);
    await using outer = client();
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const answer = await outer
      .service<Front>("front")
      .ask(undefined, { timeoutMs: 700, metadata: { traceparent } });
    expect(answer.method).toBe("ask");
    expect(answer.left).toBeGreaterThan(0);
    expect(answer.left).toBeLessThanOrEqual(700);
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
    await start([new Bare()], { context: false });
    await using c = client();
    expect(await c.service<Bare>("bare").ask()).toBe(true);
  });
});
