import { sampleInstance } from "@skein/conformance";
import { type Instance, type Registry, silentLogger } from "@skein/core";
import { createRegistry } from "@skein/etcd";
import { nodeRuntime } from "skein/internal";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EtcdServer, etcdBinary } from "../../etcd/src/test/etcd-server.ts";
import { run } from "../../skein/src/test/run-program.ts";

const TTL_MS = 3000;

describe.skipIf(etcdBinary() === undefined)("instances in a real etcd", () => {
  let server: EtcdServer;
  let registry: Registry;
  beforeAll(async () => {
    server = await EtcdServer.create();
    await server.start();
    registry = open();
  });
  afterAll(async () => {
    await registry.close();
    await server.close();
  });
  const open = (): Registry =>
    createRegistry(server.url, { runtime: nodeRuntime, logger: silentLogger, ttlMs: TTL_MS });
  const program = () =>
    run("../../../../integration/test/programs/echo.ts", "", {
      SKEIN_REGISTRY: server.url,
      SKEIN_LISTEN: "tcp://127.0.0.1:0",
      SKEIN_ADVERTISE: "127.0.0.1",
      SKEIN_TTL: `${TTL_MS}ms`,
    });

  /** Resolves, with how long it took, once the watched instances are as they should be. */
  async function seen(service: string, ok: (instances: readonly Instance[]) => boolean): Promise<number> {
    const began = performance.now();
    const abort = new AbortController();
    for await (const { instances } of registry.watch(service, { signal: abort.signal }))
      if (ok(instances)) abort.abort();
    return performance.now() - began;
  }

  test("killed with -9: gone soon after its TTL", async () => {
    await using echo = program();
    await seen("echo", (all) => all.length === 1);
    echo.process.kill("SIGKILL");
    const took = await seen("echo", (all) => all.length === 0);
    console.log(`killed: gone after ${Math.round(took)} ms, TTL ${TTL_MS} ms`);
    expect(took).toBeLessThan(TTL_MS + 5000);
  });

  test("stopped for longer than its TTL: gone soon after it, and back soon after it goes on", async () => {
    await using echo = program();
    await seen("echo", (all) => all.length === 1);
    echo.process.kill("SIGSTOP");
    const gone = await seen("echo", (all) => all.length === 0);
    await new Promise((resolve) => setTimeout(resolve, TTL_MS));
    echo.process.kill("SIGCONT");
    const back = await seen("echo", (all) => all.length === 1);
    console.log(`stopped: gone after ${Math.round(gone)} ms; back after ${Math.round(back)} ms`);
    expect(gone).toBeLessThan(TTL_MS + 5000);
    expect(back).toBeLessThan(5000);
  }, 30_000);

  test("500 restarts at one address: no registration is lost", async () => {
    const address = [{ protocol: "skein", url: "tcp://127.0.0.1:9999" }];
    let before = await registry.lease({ ttlMs: TTL_MS });
    await before.put(sampleInstance("restarted", { addresses: address }));
    for (let n = 0; n < 500; n++) {
      const successor = await registry.lease({ ttlMs: TTL_MS });
      const instance = sampleInstance("restarted", { addresses: address });
      // The predecessor leaves while the successor comes, in any order.
      const leaving = before;
      const leave = async (): Promise<void> => leaving.release();
      const come = async (): Promise<void> => successor.put(instance);
      if (n % 3 === 0) await Promise.all([leave(), come()]);
      else if (n % 3 === 1) await Promise.all([come(), leave()]);
      else {
        await come();
        await leave();
      }
      expect((await registry.get("restarted")).instances.map((i) => i.id)).toEqual([instance.id]);
      before = successor;
    }
    await before.release();
  }, 60_000);

  test("a new instance is seen within 500 ms (p99 of 200)", async () => {
    const writer = open();
    const lease = await writer.lease({ ttlMs: 30_000 });
    const waiting = new Map<string, (at: number) => void>();
    const abort = new AbortController();
    const watching = (async () => {
      for await (const { instances } of registry.watch("fresh", { signal: abort.signal }))
        for (const { id } of instances) waiting.get(id)?.(performance.now());
    })();
    const times: number[] = [];
    for (let n = 0; n < 200; n++) {
      const instance = sampleInstance("fresh");
      const told = new Promise<number>((resolve) => waiting.set(instance.id, resolve));
      await lease.put(instance);
      const registered = performance.now();
      times.push(Math.max(0, (await told) - registered));
    }
    abort.abort();
    await watching;
    await writer.close();
    times.sort((a, b) => a - b);
    console.log(`seen after registering: p50 ${times[100]?.toFixed(1)} ms, p99 ${times[197]?.toFixed(1)} ms`);
    expect(times[197]).toBeLessThan(500);
  }, 60_000);
});
