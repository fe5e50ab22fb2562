import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "@skein/core";
import { type Client, type ClientOptions, createClient, Rpc, Service, serve } from "skein";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { EtcdServer, etcdBinary } from "../../etcd/src/test/etcd-server.ts";
import { Gateway } from "../../etcd/src/test/gateway.ts";
import { jsonrpcProtocol } from "../../http/src/jsonrpc/index.ts";
import { certificates } from "../../transport/src/test/certificates.ts";
import { type Arith, buildGo, GoPrograms, hasGo } from "./jsonrpc-go.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
const go = new GoPrograms(ends);

function callers(registry: string, more: ClientOptions = {}) {
  const client = createClient({ registry, log: silentLogger, selector: "round-robin", ...more });
  ends.push(() => client.close());
  return {
    client,
    arith: client.service<Arith>("arith", { protocol: "jsonrpc" }),
    again: client.service<Arith>("arith", { protocol: "jsonrpc", idempotent: true }),
  };
}

/** Until so many instances are known. */
async function seen(client: Client, count: number): Promise<void> {
  for await (const { instances } of client.watch("arith")) if (instances.length === count) return;
}

describe.skipIf(!hasGo || etcdBinary() === undefined)(
  "servers of Go's net/rpc/jsonrpc in etcd, layout plain (skipped without go or etcd)",
  () => {
    let etcd: EtcdServer;
    let keys: Gateway;
    beforeAll(async () => {
      buildGo();
      etcd = await EtcdServer.create();
      await etcd.start();
      keys = new Gateway(etcd.address);
    }, 300_000);
    afterAll(() => etcd?.close());
    afterEach(() => keys.remove());

    test("found by a bare address, by JSON and by the key alone: calls are shared, by those who come later too", async () => {
      const servers = await Promise.all(["one", "two", "three"].map((name) => go.server(name)));
      const values = [servers[0]?.at ?? "", '{"weight":1,"metadata":{"owner":"crm"}}', "active"];
      const put = (i: number): Promise<unknown> =>
        keys.put(`/rpc/arith/${servers[i]?.at}`, values[i] as string);
      await put(0);
      await put(1);
      const { client, arith } = callers(`${etcd.url}/?layout=plain&prefix=/rpc`);
      const names = async (): Promise<string[]> =>
        [...new Set(await Promise.all(Array.from({ length: 12 }, () => arith.name())))].sort();
      await seen(client, 2);
      expect(await arith.multiply({ A: 6, B: 7 })).toBe(42);
      await expect.poll(names, { timeout: 5000 }).toEqual(["one", "two"]);
      await put(2);
      await seen(client, 3);
      await expect.poll(names, { timeout: 5000 }).toEqual(["one", "three", "two"]);
    });

    test("one of them is killed: no idempotent call fails, the others answer; what was sent and may not be sent twice fails", async () => {
      const [one, two] = [await go.server("one"), await go.server("two")];
      for (const { at } of [one, two]) await keys.put(`/rpc/arith/${at}`, at);
      const { client, arith, again } = callers(`${etcd.url}/?layout=plain&prefix=/rpc`);
      await seen(client, 2);
      const names = new Set<string>();
      while (names.size < 2) names.add(await arith.name());
      // Half of them are with the one that is killed.
      const sleep = (by: typeof arith) => by.call("sleep", 1500, { timeoutMs: 15_000 });
      const flight = Array.from({ length: 20 }, () => sleep(again));
      const once = Promise.allSettled(Array.from({ length: 20 }, () => sleep(arith)));
      await new Promise((resolve) => setTimeout(resolve, 100));
      await one.kill();
      expect(await Promise.all(flight)).toEqual(flight.map(() => 1500));
      const lost = (await once).filter(({ status }) => status === "rejected");
      expect(lost.length).toBeGreaterThan(0);
      for (const { reason } of lost as PromiseRejectedResult[])
        expect(reason).toMatchObject({ code: "UNAVAILABLE", executed: "maybe" });
      expect(new Set(await Promise.all(Array.from({ length: 20 }, () => again.name())))).toEqual(
        new Set(["two"]),
      );
    });
  },
);

@Service("arith")
class ArithService {
  @Rpc() async multiply({ A, B }: { A: number; B: number }): Promise<number> {
    return A * B;
  }
}

describe.skipIf(!hasGo)("net/rpc/jsonrpc over TLS (skipped without go)", () => {
  let folder: string;
  const file = (name: string): string => join(folder, name);
  const { ca, cert, key } = certificates.server;
  beforeAll(() => {
    buildGo();
    folder = mkdtempSync(join(tmpdir(), "skein-jsonrpc-tls-"));
    for (const [name, text] of Object.entries({ ca, cert, key })) writeFileSync(file(name), text);
  }, 300_000);
  afterAll(() => rmSync(folder, { recursive: true }));

  test("a server of Go's is called, when its certificate is one to be believed", async () => {
    const { at } = await go.server("safe", file("cert"), file("key"));
    const arith = (tls: object) =>
      callers(`static://arith=${at}`, { protocols: [jsonrpcProtocol({ tls })] }).arith;
    expect(await arith({ ca }).multiply({ A: 6, B: 7 })).toBe(42);
    const wrong = arith({ ca: certificates.stranger.ca }).call("name", undefined, { timeoutMs: 2000 });
    await expect(wrong).rejects.toMatchObject({ code: "UNAVAILABLE", executed: "no" });
    const named = arith({ ca, servername: "elsewhere.test" }).call("name", undefined, { timeoutMs: 2000 });
    await expect(named).rejects.toMatchObject({ code: "UNAVAILABLE", executed: "no" });
    const plain = callers(`static://arith=${at}`).arith.call("name", undefined, { timeoutMs: 2000 });
    await expect(plain).rejects.toMatchObject({ code: "UNAVAILABLE" });
  });

  test("Go calls our port over TLS, and so do we, by the address in the record", async () => {
    await using app = await serve(new ArithService(), {
      registry: "memory:",
      log: silentLogger,
      signals: false,
      selfDial: "off",
      doors: ["jsonrpc"],
      tls: certificates.server,
    });
    const at = new URL(app.address).host;
    const caller = go.client("call-tls", at, file("ca"));
    expect(await caller.call('Arith.Multiply {"A":6,"B":7}')).toEqual({ result: 42 });
    expect(app.services()[0]?.addresses).toContainEqual({ protocol: "jsonrpc", url: `jsonrpcs://${at}` });
    const { arith } = callers(`static://arith=${at}`, { protocols: [jsonrpcProtocol({ tls: { ca } })] });
    expect(await arith.multiply({ A: 6, B: 7 })).toBe(42);
  });
});
