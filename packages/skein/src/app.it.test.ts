import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Instance,
  type Lease,
  type Registry,
  Rpc,
  type RpcError,
  Service,
  silentLogger,
} from "@skein/core";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { serve } from "./serve.ts";
import { fetchReady, OrderService, UserService, useBench } from "./test/app-bench.ts";

const bench = useBench();

describe("serving", () => {
  test("several services on one port and lease, one line, called through a client", async () => {
    const app = await bench.start([new UserService(), new OrderService()], {
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
    expect((await bench.registry.get("user")).instances).toEqual([app.services()[0]]);
    expect(bench.logs.lines.filter(({ level }) => level !== "debug")).toEqual([
      {
        level: "info",
        message: `serving user 1.2.0, order 0.1.0 at ${app.address}, announced in memory:`,
        address: app.address,
        services: ["user 1.2.0", "order 0.1.0"],
        registry: "memory:",
      },
    ]);
    await using c = bench.client();
    expect(await c.service<UserService>("user").greet("Ada")).toBe("Hello, Ada");
    expect(await c.service<OrderService>("order").total()).toBe(7);
    expect(app.report().find(({ method }) => method === "greet")?.succeeded).toBe(1);
  });

  test("what a schema refuses is refused at the door, naming the field", async () => {
    let calls = 0;
    @Service("checked")
    class Checked {
      @Rpc({ input: z.object({ age: z.number() }) }) async age({ age }: { age: number }): Promise<number> {
        calls++;
        return age;
      }
    }
    await bench.start([new Checked()]);
    await using c = bench.client();
    const checked = c.service<Checked>("checked");
    expect(await checked.age({ age: 3 })).toBe(3);
    await expect(checked.age({ age: "old" as never })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      executed: "no",
      message: expect.stringContaining("age"),
    });
    expect(calls).toBe(1);
  });

  test("services come and go while it runs", async () => {
    const user = new UserService();
    const app = await bench.start([user]);
    await using c = bench.client();
    const added = await app.add(new OrderService());
    expect((await bench.registry.get("order")).instances).toEqual([added]);
    expect(await c.service<OrderService>("order").total()).toBe(7);
    const slow = c.service<UserService>("user").slow(100);
    await expect.poll(() => user.events).toContain("slow begins");
    await app.remove("user");
    expect(await slow).toBe("done");
    expect(user.events).toEqual(["user starts", "slow begins", "slow ends", "user stops"]);
    expect((await bench.registry.get("user")).instances).toEqual([]);
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
      const app = await bench.start([new UserService()], { listen });
      expect(app.address).toBe(listen.replace("memory:", "memory://"));
      await using c = bench.client();
      expect(await c.service<UserService>("user").greet("Ada")).toBe("Hello, Ada");
      await app.close();
    }
    rmSync(directory, { recursive: true });
  });

  test("the same name and version twice is refused, naming both", async () => {
    class Other extends UserService {}
    await expect(bench.start([new UserService(), new Other()])).rejects.toThrow(
      "service user 1.2.0 is served twice in this process, by UserService and by Other: give one of them another name or version",
    );
    const app = await bench.start([new UserService()]);
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
    const app = await bench.start([new OrderService()], {
      registry: "static://order=127.0.0.1:1",
      listen: "127.0.0.1:0",
      advertise: "127.0.0.1",
    });
    expect(bench.logs.find("serving order")?.message).toBe(
      `serving order 0.1.0 at ${app.address}, not announced: static: is read-only`,
    );
    expect(await fetchReady(app)).toEqual([200, { status: "ready", checks: {} }]);
    await using c = bench.client({ registry: `static://order=${app.address}` });
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
    const app = await bench.start([named("user", a), b]);
    await using c = bench.client();
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
    const first = await bench.start([new OrderService()]);
    const port = first.address.split(":").at(-1);
    await first.close();
    const failing = new (class extends OrderService {
      async onStart(): Promise<void> {
        throw new Error("no database");
      }
    })();
    await expect(bench.start([user, failing], { listen: `127.0.0.1:${port}` })).rejects.toThrow(
      "no database",
    );
    expect(user.events).toEqual(["user starts", "user stops"]);
    await bench.start([new OrderService()], { listen: `127.0.0.1:${port}` });
  });

  test("onStop that fails is logged, and the rest is stopped", async () => {
    const failing = new (class extends OrderService {
      onStop(): void {
        throw new Error("stuck");
      }
    })();
    const user = new UserService();
    await (await bench.start([user, failing])).close();
    expect(bench.logs.find("onStop failed")).toMatchObject({
      level: "error",
      service: "order",
      err: { message: "stuck" },
    });
    expect(user.events).toEqual(["user starts", "user stops"]);
  });

  test("closing twice is closing once; using disposes", async () => {
    const user = new UserService();
    {
      await using app = await bench.start([user]);
      expect(app.state).toBe("serving");
      void app.close();
    }
    expect(user.events).toEqual(["user starts", "user stops"]);
    await expect(bench.apps.at(-1)?.add(new OrderService())).rejects.toThrow(
      "nothing can be added: the app is closed",
    );
  });

  test("who is in the registry can be called: the first call after its record is seen succeeds, 100 of 100", async () => {
    for (let i = 0; i < 100; i++) {
      await using c = bench.client();
      const answer = c
        .service<OrderService>("order")
        .total(undefined, { waitForReady: true, retries: false });
      const app = await serve(new OrderService(), { registry: bench.registry, log: silentLogger });
      expect(await answer).toBe(7);
      await app.close();
    }
  });

  test("a registry that hangs holds up the end for two seconds at most, and callers were told", async () => {
    const stuck: Registry = {
      ...bench.registry,
      name: "memory:stuck",
      async lease(options) {
        const lease = await bench.registry.lease(options);
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
    const app = await bench.start([new OrderService()], { registry: stuck });
    const started = performance.now();
    await app.close();
    expect(performance.now() - started).toBeLessThan(4500);
  });
});
