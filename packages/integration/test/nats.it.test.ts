import { type Registry, type RpcError, silentLogger } from "@skein/core";
import { createMemoryRegistry } from "@skein/registry";
import { type App, type CallContext, type Client, createClient, Rpc, Service, serve } from "skein";
import { nodeRuntime } from "skein/internal";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NatsServer, natsBinary } from "../../nats/src/test/nats-server.ts";

@Service("desk")
class Desk {
  slowCalls = 0;
  aborted = 0;
  sent = 0;
  readonly begun = new Set<() => void>();

  @Rpc({ idempotent: true })
  async echo(x: string): Promise<string> {
    return x;
  }

  @Rpc()
  async slow(ms: number, ctx: CallContext): Promise<string> {
    this.slowCalls++;
    for (const told of this.begun) told();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      ctx.onAbort(() => {
        this.aborted++;
        clearTimeout(timer);
        resolve();
      });
    });
    return "done";
  }

  @Rpc()
  async *count(to: number): AsyncGenerator<string> {
    for (this.sent = 0; this.sent < to; this.sent++) yield `${this.sent}${" ".repeat(1000)}`;
  }

  @Rpc({ kind: "client-stream" })
  async sum(numbers: AsyncIterable<number>): Promise<number> {
    let sum = 0;
    for await (const n of numbers) sum += n;
    return sum;
  }
}

const LONG = { timeoutMs: 10_000 } as const;

describe.skipIf(natsBinary() === undefined)("a service and its client, listening on NATS alone", () => {
  let server: NatsServer;
  let registry: Registry;
  let desk: Desk;
  let app: App;
  let client: Client;

  const start = (service: Desk): Promise<App> =>
    serve(service, { registry, listen: server.url, log: silentLogger, signals: false });
  const begun = (service: Desk): Promise<void> => new Promise((resolve) => void service.begun.add(resolve));

  // The first start reads all of NATS's client.
  beforeEach(async () => {
    server = await NatsServer.start();
    registry = createMemoryRegistry({ runtime: nodeRuntime });
    desk = new Desk();
    app = await start(desk);
    client = createClient({ registry, nats: server.url, log: silentLogger });
  }, 30_000);
  afterEach(async () => {
    await client.close();
    await app.close();
    await registry.close();
    await server.close();
  });

  test("its address is a subject, and nothing else is announced", async () => {
    const { instances } = await registry.get("desk");
    expect(instances.map((i) => i.addresses)).toStrictEqual([[{ protocol: "skein", url: app.address }]]);
    expect(app.address).toMatch(/^nats:\/\/skein\.at\.[0-9a-f-]+$/);
  });

  test("calls of all sizes, streams both ways, and a stream that is left early", async () => {
    const proxy = client.service<Desk>("desk");
    for (const size of [1, 10_000, 900_000, 3_000_000])
      expect(await proxy.echo("x".repeat(size))).toHaveLength(size);
    expect(await Promise.all(Array.from({ length: 500 }, (_, i) => proxy.echo(String(i))))).toStrictEqual(
      Array.from({ length: 500 }, (_, i) => String(i)),
    );
    let items = 0;
    for await (const item of proxy.count(3000)) expect(item.trim()).toBe(String(items++));
    expect(items).toBe(3000);
    const numbers = async function* (): AsyncGenerator<number> {
      for (let i = 1; i <= 100; i++) yield i;
    };
    expect(await proxy.sum(numbers())).toBe(5050);
  });

  test("a slow reader holds the writer back", async () => {
    const stream = client.service<Desk>("desk").count(1_000_000)[Symbol.asyncIterator]();
    await stream.next();
    let sent = -1;
    while (sent !== desk.sent && desk.sent < 5000) {
      sent = desk.sent;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    expect(desk.sent).toBeLessThan(5000);
    await stream.return?.();
  });

  test("a deadline and a cancellation reach the handler", async () => {
    const proxy = client.service<Desk>("desk");
    await proxy.echo("first");
    await expect(proxy.slow(9000, { timeoutMs: 100 })).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
    const abort = new AbortController();
    const started = begun(desk);
    const call = proxy.slow(9000, { timeoutMs: 9000, signal: abort.signal });
    const failed = expect(call).rejects.toMatchObject({ code: "CANCELLED" });
    await started;
    abort.abort();
    await failed;
    await expect.poll(() => desk.aborted, { timeout: 4000 }).toBe(desk.slowCalls);
    expect(desk.slowCalls).toBeGreaterThan(0);
  });

  test("the server is killed: a call in flight is told at once; what is begun meanwhile waits for it, within its deadline", async () => {
    const proxy = client.service<Desk>("desk");
    const started = begun(desk);
    let toldAt = 0;
    const call = proxy.slow(1500, { timeoutMs: 10_000 }).then(
      () => undefined,
      (error: RpcError) => {
        toldAt = performance.now();
        return error;
      },
    );
    await started;
    await server.kill();
    const killedAt = performance.now();
    expect(await call).toMatchObject({ code: "UNAVAILABLE", executed: "maybe" });
    expect(toldAt - killedAt).toBeLessThan(1000);
    const early = proxy.echo("early", { timeoutMs: 500 });
    await expect(early).rejects.toMatchObject({
      code: "DEADLINE_EXCEEDED",
      executed: "no",
      message: expect.stringMatching(/^desk\.echo waited 500 ms: none of 1 instances was connected: /),
    });
    const waiting = [...["a", "b", "c"].map((x) => proxy.echo(x, LONG)), proxy.slow(1, LONG)];
    const items = proxy.count(2)[Symbol.asyncIterator]();
    const item = items.next();
    await new Promise((resolve) => setTimeout(resolve, 500));
    await server.start();
    expect(await Promise.all(waiting)).toStrictEqual(["a", "b", "c", "done"]);
    expect((await item).value?.trim()).toBe("0");
    await items.return?.();
  }, 20_000);

  test("the server is killed: an idempotent call in flight is sent again once it is back", async () => {
    const proxy = client.service<Desk>("desk");
    const started = begun(desk);
    const call = proxy.slow(1500, { ...LONG, idempotent: true });
    await started;
    await server.kill();
    await server.start();
    expect(await call).toBe("done");
    expect(desk.slowCalls).toBe(2);
  }, 20_000);

  test("rolled: no call fails, and who drains finishes what it has begun", async () => {
    const proxy = client.service<Desk>("desk");
    await proxy.echo("warm");
    let running = true;
    let calls = 0;
    const load = (async () => {
      while (running) {
        await Promise.all(Array.from({ length: 10 }, () => proxy.echo("x")));
        calls += 10;
      }
    })();
    const started = begun(desk);
    const last = proxy.slow(300);
    await started;
    const next = await start(new Desk());
    await app.close();
    app = next;
    expect(await last).toBe("done");
    await new Promise((resolve) => setTimeout(resolve, 100));
    running = false;
    await load;
    expect(calls).toBeGreaterThan(50);
  });

  test("doors need a port: refused", async () => {
    const given = {
      registry,
      listen: server.url,
      log: silentLogger,
      signals: false,
      doors: ["http"],
    } as const;
    await expect(serve(new Desk(), given)).rejects.toThrow("option doors: other protocols need a port");
  });
});
