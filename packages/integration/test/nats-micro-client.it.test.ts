import { Rpc, RpcError, Service, silentLogger } from "@skein/core";
import { createMemoryRegistry } from "@skein/registry";
import { type Client, type ClientOptions, createClient, serve } from "skein";
import { nodeRuntime } from "skein/internal";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { natsMicroProtocol } from "../../nats/src/micro/index.ts";
import { connectNats } from "../../nats/src/nats-client.ts";
import { parseNatsUrl } from "../../nats/src/nats-url.ts";
import { NatsServer, natsBinary } from "../../nats/src/test/nats-server.ts";
import { buildGo, type Calc, GoPrograms, hasGo } from "./nats-micro-go.ts";

describe.skipIf(natsBinary() === undefined || !hasGo)("we call services of Go's micro", () => {
  let server: NatsServer;
  const ends: (() => unknown)[] = [];
  const go = new GoPrograms(ends);

  beforeAll(buildGo, 300_000);
  beforeEach(async () => {
    server = await NatsServer.start();
    ends.push(() => server.close());
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  function connect(more: ClientOptions = {}): Client {
    const client = createClient({ nats: server.url, log: silentLogger, ...more });
    ends.push(() => client.close());
    return client;
  }
  const calcs = (more: ClientOptions = {}) => {
    const client = connect(more);
    return {
      calc: client.service<Calc>("calc", { protocol: "nats-micro" }),
      again: client.service<Calc>("calc", { protocol: "nats-micro", idempotent: true }),
    };
  };

  test("by the servers alone: values, errors, headers, names in another case, and what is not there", async () => {
    await go.service(server.url, "one");
    const { calc } = calcs({ credentials: "sesame" });
    expect(await calc.add({ A: 2, B: 3 })).toBe(5);
    expect(await calc.label()).toBe("one");
    await expect(calc.add("two")).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      executed: "yes",
      message: "give A and B",
      service: "calc",
      method: "add",
    });
    const failed = { code: "NOT_FOUND", message: "no such sum", details: { sum: 7 }, executed: "yes" };
    await expect(calc.fail()).rejects.toMatchObject(failed);
    await expect(calc.plain()).rejects.toMatchObject({
      code: "INTERNAL",
      executed: "yes",
      message: "the answer cannot be taken: it is no JSON in UTF-8",
    });
    const nope = calc.call("lable" as "nope", undefined as never);
    await expect(nope).rejects.toMatchObject({
      code: "UNIMPLEMENTED",
      executed: "no",
      message: expect.stringContaining("has no endpoint lable; did you mean label?"),
    });
    const about = await calc.call("about", undefined as never, {
      metadata: { "x-tenant": "acme é" },
      timeoutMs: 20_000,
    });
    expect(about).toMatchObject({ tenant: "acme é", token: "Bearer sesame" });
    expect(Number(about.timeout)).toBeGreaterThan(10_000);
    expect(Number(about.timeout)).toBeLessThanOrEqual(20_000);
    const odd = { metadata: { "x-tenant": "a\r\nNats-Service: b" } };
    await expect(calc.call("about", undefined as never, odd)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      executed: "no",
    });
    const much = calc.add("x".repeat(2_000_000));
    await expect(much).rejects.toMatchObject({ code: "RESOURCE_EXHAUSTED", executed: "no" });
    expect(await Promise.all(Array.from({ length: 2000 }, (_, n) => calc.add({ A: n, B: 1 })))).toEqual(
      Array.from({ length: 2000 }, (_, n) => n + 1),
    );
  });

  test("nobody serves it: UNAVAILABLE, not executed, at once; whoever comes is found", async () => {
    const { calc } = calcs();
    const began = performance.now();
    await expect(calc.label()).rejects.toMatchObject({
      code: "UNAVAILABLE",
      executed: "no",
      message: expect.stringContaining("nobody serves calc at nats://127.0.0.1"),
    });
    expect(performance.now() - began).toBeLessThan(3000);
    const waiting = calc.call("label", undefined as never, { waitForReady: true, timeoutMs: 10_000 });
    const one = await go.service(server.url, "one");
    expect(await waiting).toBe("one");
    await one.end();
    await expect(calc.label()).rejects.toMatchObject({ code: "UNAVAILABLE", executed: "no" });
  });

  test("a deadline and a signal end a call here", async () => {
    await go.service(server.url, "one");
    const { calc } = calcs();
    await calc.label();
    const began = performance.now();
    const late = calc.call("sleep", 2000, { timeoutMs: 100 });
    await expect(late).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED", executed: "maybe" });
    expect(performance.now() - began).toBeLessThan(1500);
    const abort = new AbortController();
    const given = calc.call("sleep", 600, { signal: abort.signal });
    setTimeout(() => abort.abort(), 50);
    await expect(given).rejects.toMatchObject({ code: "CANCELLED", executed: "maybe" });
    expect(await calc.sleep(700)).toBe("one");
  });

  test("two share the calls; one killed with -9 under calls, no idempotent call fails, and the others are few", async () => {
    const [one] = [await go.service(server.url, "one"), await go.service(server.url, "two")];
    const { calc, again } = calcs();
    const seen: string[] = [];
    for (let n = 0; n < 100; n++) seen.push(await calc.label());
    expect(seen.filter((label) => label === "one").length).toBeGreaterThan(20);
    expect(seen.filter((label) => label === "two").length).toBeGreaterThan(20);
    let calling = true;
    let calls = 0;
    const failures: unknown[] = [];
    const longest: number[] = [];
    const callOn = async (): Promise<void> => {
      while (calling) {
        calls++;
        const began = performance.now();
        // Half of them are in flight for a while, so that the kill meets some.
        await (calls % 2 === 0 ? again.sleep(20) : again.label()).catch((error: unknown) =>
          failures.push(error),
        );
        longest.push(performance.now() - began);
      }
    };
    const running = Array.from({ length: 20 }, callOn);
    await expect.poll(() => calls).toBeGreaterThan(500);
    const untold = Array.from({ length: 20 }, () => calc.call("sleep", 2000, { timeoutMs: 10_000 }));
    const outcomes = Promise.allSettled(untold);
    await calc.label();
    await one.kill();
    const until = calls + 500;
    await expect.poll(() => calls, { timeout: 10_000 }).toBeGreaterThan(until);
    const told = (await outcomes).filter((outcome) => outcome.status === "rejected");
    calling = false;
    await Promise.all(running);
    expect(failures).toEqual([]);
    expect(Math.max(...longest)).toBeGreaterThan(500);
    expect(Math.max(...longest)).toBeLessThan(4000);
    // What may not run twice and was there is not asked of another.
    expect(told.length).toBeGreaterThan(0);
    for (const { reason } of told) expect(reason).toMatchObject({ executed: "maybe" });
  }, 30_000);

  test("the only one killed: its calls are told, long before their deadline", async () => {
    const one = await go.service(server.url, "one");
    const { calc } = calcs();
    await calc.label();
    const lost = calc.call("sleep", 9000, { timeoutMs: 10_000 });
    const failed = lost.then(
      () => undefined,
      (error: unknown) => error,
    );
    await calc.label();
    const began = performance.now();
    await one.kill();
    expect(await failed).toMatchObject({ code: "UNAVAILABLE", executed: "maybe" });
    expect(performance.now() - began).toBeLessThan(5000);
  });

  test("the server dies: what may not run twice is told at once; all else waits until it is back", async () => {
    await go.service(server.url, "one");
    const { calc, again } = calcs();
    await calc.label();
    const kept = again.call("sleep", 300, { timeoutMs: 10_000 });
    let toldAt = 0;
    const lost = calc.call("sleep", 5000, { timeoutMs: 8000 }).catch((error: unknown) => {
      toldAt = performance.now();
      return error;
    });
    await calc.label();
    await server.kill();
    const killedAt = performance.now();
    expect(await lost).toMatchObject({ code: "UNAVAILABLE", executed: "maybe" });
    expect(toldAt - killedAt).toBeLessThan(1000);
    const meanwhile = calc.call("label", undefined as never, { timeoutMs: 10_000 });
    await server.start();
    expect(await kept).toBe("one");
    expect(await meanwhile).toBe("one");
    expect(await calc.call("label", undefined as never, { waitForReady: true, timeoutMs: 10_000 })).toBe(
      "one",
    );
  }, 20_000);

  test("whoever answers INFO with forged subjects is not followed", async () => {
    const ports = { runtime: nodeRuntime, logger: silentLogger };
    const liar = connectNats(parseNatsUrl(server.url), ports, { connected() {}, disconnected() {} });
    ends.push(() => liar.close());
    const heard: string[] = [];
    const never = (error: Error): void => void heard.push(error.message);
    liar.subscribe(">", ({ subject }) => void heard.push(subject), never);
    const subjects = [
      "x 0\r\n\r\nPUB evil 2\r\nhi\r\nPUB y",
      "evil >",
      ">",
      "evil.*",
      "$SYS.REQ.SERVER.PING",
      "$JS.API.STREAM.DELETE.X",
      "",
      7,
    ];
    const endpoints = subjects.map((subject, n) => ({ name: `e${n}`, subject }));
    const identity = { name: "calc", id: "liar", version: "1.0.0" };
    const info = { type: "io.nats.micro.v1.info_response", ...identity, endpoints };
    const lies = ["torn{", "[]", JSON.stringify({ ...info, id: "a b" }), JSON.stringify(info)];
    const lie = ({ reply }: { readonly reply: string | undefined }): void => {
      for (const text of lies) liar.publish(reply ?? "", Buffer.from(text));
    };
    liar.subscribe("$SRV.INFO.calc", lie, never);
    await liar.ready(1000);
    await liar.flush();
    const client = connect();
    const calc = client.service<Calc>("calc", { protocol: "nats-micro" });
    for (let n = 0; n < subjects.length; n++) {
      const refused = calc.call(`e${n}` as "nope", undefined as never);
      await expect(refused).rejects.toMatchObject({ code: "UNIMPLEMENTED", executed: "no" });
    }
    await liar.flush();
    expect(heard.filter((subject) => !/^(\$SRV\.INFO\.calc|_INBOX\.)/.test(subject))).toEqual([]);
    expect(() => client.service("calc\r\nPUB x", { protocol: "nats-micro" })).toThrow("the service name");
    const odd = { url: server.url, names: { calc: "a b" } };
    expect(() => natsMicroProtocol(odd)).toThrow('names.calc is "a b"');
  });

  test("another name there; a service of ours; without servers it says what is missing", async () => {
    @Service("billing.invoice")
    class Invoice {
      @Rpc({ idempotent: true }) async pay(euros: number): Promise<string> {
        if (euros < 0) throw new RpcError("FAILED_PRECONDITION", "pay something", { details: { euros } });
        return `${euros} paid`;
      }
      @Rpc({ name: "v2.refund" }) async refund(): Promise<string> {
        return "refunded";
      }
    }
    const registry = createMemoryRegistry({ runtime: nodeRuntime });
    const app = await serve(new Invoice(), {
      registry,
      listen: server.url,
      signals: false,
      log: silentLogger,
      namespace: "stage",
    });
    ends.push(() => app.close());
    await go.service(server.url, "one");
    const protocols = [natsMicroProtocol({ url: server.url, names: { sums: "calc" } })];
    const client = connect({ protocols });
    expect(await client.service<Calc>("sums", { protocol: "nats-micro" }).label()).toBe("one");
    const inside = connect({ namespace: "stage" });
    const invoice = inside.service<Invoice>("billing.invoice", { protocol: "nats-micro" });
    expect(await invoice.pay(7)).toBe("7 paid");
    expect(await invoice.call("v2.refund" as "refund", undefined as never)).toBe("refunded");
    await expect(invoice.pay(-1)).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      executed: "yes",
      message: "pay something",
      details: { euros: -1 },
    });
    const outside = client.service<Invoice>("billing.invoice", { protocol: "nats-micro" });
    await expect(outside.call("pay", 7, { timeoutMs: 1500 })).rejects.toMatchObject({ executed: "no" });
    const bare = createClient({ registry, log: silentLogger });
    ends.push(() => bare.close());
    expect(() => bare.service("calc", { protocol: "nats-micro" })).toThrow(
      "the protocol nats-micro needs servers of NATS",
    );
  });
});
