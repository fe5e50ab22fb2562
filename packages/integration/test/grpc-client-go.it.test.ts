import { execFileSync } from "node:child_process";
import { silentLogger } from "@skein/core";
import { type GrpcProtocolOptions, grpcProtocol } from "@skein/grpc/client";
import { type ClientOptions, createClient } from "skein";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { collectLogs } from "../../skein/src/test/collect-logs.ts";
import { buildYard, hasGo, type Yard, YardServer, yardProto } from "./go-yard.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function yard(...args: Parameters<typeof YardServer.start>): Promise<YardServer> {
  const server = await YardServer.start(...args);
  ends.push(() => server.end());
  return server;
}

const PROTO: GrpcProtocolOptions = { protos: [yardProto] };
const JSON_KINDS: GrpcProtocolOptions = {
  services: {
    yard: {
      name: "acme.yard.v1.YardService",
      kinds: { count: "server-stream", sum: "client-stream", echo: "bidi-stream" },
      idempotent: ["whoAreYou"],
    },
  },
};

function callers(servers: readonly YardServer[], how = PROTO, more: ClientOptions = {}) {
  const at = servers.map((server) => `grpc://${server.at}`).join(",");
  const protocols = [grpcProtocol(how)];
  const client = createClient({ registry: `static://yard=${at}`, log: silentLogger, protocols, ...more });
  ends.push(() => client.close());
  return client.service<Yard>("yard", { protocol: "grpc" });
}

async function* numbers(to: number): AsyncGenerator<{ n: number }> {
  for (let n = 1; n <= to; n++) yield { n };
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

describe.skipIf(!hasGo)("we call grpc-go's server (skipped without go)", () => {
  beforeAll(buildYard, 600_000);

  describe.each([
    ["protobuf, by its .proto", PROTO],
    ["JSON, without", JSON_KINDS],
  ])("in %s", (_, how) => {
    test("all four kinds of calls", async () => {
      const calls = callers([await yard("one")], how);
      expect(await calls.whoAreYou()).toEqual({ text: "one" });
      expect(await all(calls.count({ n: 3 }))).toEqual([{ n: "1" }, { n: "2" }, { n: "3" }]);
      expect(await calls.sum(numbers(1000))).toEqual({ n: "500500" });
      expect(await calls.sum([{ n: 20 }, { n: 22 }])).toEqual({ n: "42" });
      expect(await all(calls.echo(numbers(100)))).toHaveLength(100);
    });

    test("metadata, credentials and the deadline arrive", async () => {
      const calls = callers([await yard("one")], how, { credentials: "key" });
      const metadata = { "X-Tenant": "acme", "x-trace-bin": Buffer.from("bin\0").toString("base64") };
      const seen = await calls.call("about", undefined, { timeoutMs: 20_000, metadata });
      expect(seen).toMatchObject({ tenant: "acme", token: "Bearer key" });
      // A Buffer, or in JSON base64.
      expect(Buffer.from(seen.trace as unknown as string, "base64").toString()).toBe("bin\0");
      expect(seen.leftMs).toBeGreaterThan(10_000);
      expect(seen.leftMs).toBeLessThanOrEqual(20_000);
    });

    test("errors: code, message, google.rpc's details", async () => {
      const calls = callers([await yard("one")], how);
      await expect(calls.fail({ text: "richly" })).rejects.toMatchObject({
        code: "FAILED_PRECONDITION",
        message: "the yard is shut — ü",
        executed: "yes",
        type: "YARD_SHUT",
        retryAfterMs: 1500,
        service: "yard",
        method: "fail",
        details: [
          {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            reason: "YARD_SHUT",
            domain: "acme",
            metadata: { until: "9" },
          },
          { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "1.5s" },
          {
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            fieldViolations: [{ field: "text", description: "shut", reason: "" }],
          },
        ],
      });
      await expect(calls.fail({ text: "plainly" })).rejects.toMatchObject({
        code: "UNKNOWN",
        message: "plain: 100 % nö",
        executed: "yes",
        details: undefined,
      });
    });

    test("a deadline, a signal and a reader that leaves end the call over there", async () => {
      const calls = callers([await yard("one")], how);
      await calls.whoAreYou();
      const late = calls.call("hold", { ms: 9000 }, { timeoutMs: 1000 });
      await expect(late).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED", executed: "maybe" });
      await expect.poll(() => calls.tallied()).toMatchObject({ running: 0, cancelled: 1 });
      const abort = new AbortController();
      const given = calls.call("hold", { ms: 9000 }, { signal: abort.signal });
      await expect.poll(() => calls.tallied()).toMatchObject({ running: 1 });
      abort.abort();
      await expect(given).rejects.toMatchObject({ code: "CANCELLED" });
      await expect.poll(() => calls.tallied()).toMatchObject({ running: 0, cancelled: 2 });
      for await (const _ of calls.count({ n: 1e9 })) break;
      await expect.poll(() => calls.tallied()).toMatchObject({ running: 0, cancelled: 3 });
    });
  });

  test("a server that answers slowly is not pinged to death, one that is stopped is suspected", async () => {
    const [one, two] = [await yard("one"), await yard("two")];
    const logs = collectLogs();
    const calls = callers([one, two], PROTO, { log: logs.logger, selector: "round-robin" });
    // grpc-go hangs up on clients that ping it: GOAWAY, too_many_pings.
    const hold = () => calls.call("hold", { ms: 4000 }, { timeoutMs: 15_000 });
    await Promise.all([hold(), hold()]);
    expect(logs.find("lost")).toBe(undefined);
    expect(logs.find("suspected")).toBe(undefined);
    process.kill(one.pid, "SIGSTOP");
    const state = (): string => execFileSync("ps", ["-o", "stat=", "-p", `${one.pid}`], { encoding: "utf8" });
    await expect.poll(state).toMatch(/^T/);
    const started = performance.now();
    const twenty = () => Promise.all(Array.from({ length: 20 }, () => calls.whoAreYou()));
    await twenty();
    expect(performance.now() - started).toBeLessThan(5000);
    expect(logs.find("suspected")).toMatchObject({ address: `grpc://${one.at}` });
    expect(new Set((await twenty()).map(({ text }) => text))).toEqual(new Set(["two"]));
  }, 30_000);

  test("a server's limit of streams is kept: further calls wait, none is refused", async () => {
    const calls = callers([await yard("one", "127.0.0.1:0", 3)]);
    await calls.whoAreYou();
    const started = performance.now();
    await Promise.all(Array.from({ length: 12 }, () => calls.hold({ ms: 100 })));
    expect(performance.now() - started).toBeGreaterThan(380);
  });

  test("messages: long ones both ways, too long ones refused by name", async () => {
    const calls = callers([await yard("one")]);
    expect((await calls.long({ n: 3_000_000 })).text).toHaveLength(3_000_000);
    await expect(calls.long({ n: 5_000_000 })).rejects.toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      executed: "yes",
      message: expect.stringContaining("at most 4194304 are taken (limits.maxMessageBytes of the client)"),
    });
    await expect(calls.fail({ text: "x".repeat(5_000_000) })).rejects.toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      executed: "no",
    });
    expect(await calls.whoAreYou()).toEqual({ text: "one" });
  });

  test("three servers restart in turn, two of them killed: no idempotent call fails", async () => {
    const servers = [await yard("a"), await yard("b"), await yard("c")];
    const calls = callers(servers);
    let calling = true;
    let count = 0;
    const seen = new Map<string, number>();
    const failures: unknown[] = [];
    const callOn = async (): Promise<void> => {
      while (calling) {
        const call = ++count % 3 === 0 ? calls.wait({ ms: 10 }) : calls.whoAreYou();
        await call.then(
          ({ text }) => seen.set(text, (seen.get(text) ?? 0) + 1),
          (error: unknown) => failures.push(error),
        );
      }
    };
    const running = Array.from({ length: 6 }, callOn);
    const more = async (calls: number): Promise<void> => {
      const until = count + calls;
      await expect.poll(() => count, { timeout: 20_000 }).toBeGreaterThan(until);
    };
    for (const [n, server] of servers.entries()) {
      await more(200);
      if (n === 1) await server.drain();
      else await server.kill();
      await more(100);
      await yard(`${n} again`, server.at);
      await expect.poll(() => seen.has(`${n} again`), { timeout: 20_000 }).toBe(true);
    }
    calling = false;
    await Promise.all(running);
    expect(failures).toEqual([]);
  }, 90_000);

  test("servers that stop gracefully: no call fails, not even those that may not run twice", async () => {
    const servers = [await yard("a"), await yard("b")];
    const calls = callers(servers);
    let calling = true;
    const seen = new Set<string>();
    let count = 0;
    const failures: unknown[] = [];
    const callOn = async (): Promise<void> => {
      while (calling)
        await calls.hold({ ms: ++count % 10 }).then(
          ({ text }) => seen.add(text),
          (error: unknown) => failures.push(error),
        );
    };
    const running = Array.from({ length: 6 }, callOn);
    for (const [n, server] of servers.entries()) {
      const until = count + 100;
      await expect.poll(() => count, { timeout: 20_000 }).toBeGreaterThan(until);
      await server.drain();
      await yard(`${n} again`, server.at);
      await expect.poll(() => seen.has(`${n} again`), { timeout: 20_000 }).toBe(true);
    }
    calling = false;
    await Promise.all(running);
    expect(failures).toEqual([]);
  }, 60_000);
});
