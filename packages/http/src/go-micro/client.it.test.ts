import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { type CallOptions, type RpcError, silentLogger } from "@skein/core";
import { afterEach, describe, expect, test } from "vitest";
import { createMemoryRegistry } from "../../../registry/src/index.ts";
import { type ClientOptions, createClient, serve } from "../../../skein/src/index.ts";
import { nodeRuntime } from "../../../skein/src/internal.ts";
import { goMicroProtocol } from "./client/protocol.ts";
import { FakeGoMicroServer, Panic, PlainError, TypedError } from "./test/fake-go-micro-server.ts";
import { GreeterService } from "./test/greeter.ts";

interface Greeter {
  hello(input: { readonly name: string }): Promise<{ readonly message: string }>;
}
/** Whatever is asked for. */
interface Any {
  call(method: string, input?: unknown, options?: CallOptions): Promise<unknown>;
}

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function fake(handlers: ConstructorParameters<typeof FakeGoMicroServer>[0] = {}) {
  const server = await FakeGoMicroServer.start({
    "Greeter.Hello": ({ input }) => ({ message: `Hello ${input.name}` }),
    ...handlers,
  });
  ends.push(() => server.kill());
  return server;
}

function caller(at: string, more: ClientOptions = {}) {
  const client = createClient({
    registry: `static://greeter=${at}`,
    log: silentLogger,
    protocols: [goMicroProtocol()],
    ...more,
  });
  ends.push(() => client.close());
  const options = { protocol: "go-micro" };
  return {
    client,
    greeter: client.service<Greeter>("greeter", options),
    any: client.service<never>("greeter", options) as unknown as Any,
  };
}

/** A server of whatever: it is told of what comes, and says what it likes. */
async function serveBytes(heard: (text: string, socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.setEncoding("latin1").on("data", (text: string) => heard(text, socket));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  ends.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${(server.address() as { port: number }).port}`;
}
const http = (body: string, ...headers: string[]) =>
  `${["HTTP/1.1 200 OK", ...headers, `Content-Length: ${Buffer.byteLength(body)}`].join("\r\n")}\r\n\r\n${body}`;

describe("what a Go Micro server is sent", () => {
  test("requests, byte by byte", async () => {
    const heard: string[] = [];
    const at = await serveBytes((text, socket) => {
      heard.push(text);
      socket.write(http("{}"));
    });
    const { any } = caller(at, { credentials: "secret" });
    await any.call("hello", { name: "Bjørn" }, { metadata: { "X-Caller": "skein", name: "Bjørn" } });
    await any.call("hello", undefined, { timeoutMs: 2500 });
    const stream = /^Micro-Stream: ([0-9a-z]+-)\d+$/m.exec(heard[0] as string)?.[1] ?? "?";
    const plain = (text: string | undefined) =>
      text
        ?.replaceAll(stream, "<stream>-")
        .replace(
          /^Timeout: (\d+)$/m,
          (_, ns) => `Timeout: <at most ${[2.5, 5].find((s) => Number(ns) <= s * 1e9)} s in ns>`,
        );
    const name = Buffer.from("Bjørn").toString("latin1");
    expect(heard.map(plain)).toEqual([
      [
        "POST / HTTP/1.1",
        "Accept: application/json",
        "Content-Type: application/json",
        "Micro-Endpoint: Greeter.Hello",
        "Micro-Id: 1",
        "Micro-Method: Greeter.Hello",
        "Micro-Service: greeter",
        "Micro-Stream: <stream>-1",
        "Timeout: <at most 5 s in ns>",
        "Authorization: Bearer secret",
        "x-caller: skein",
        `name: ${name}`,
        "Content-Length: 17",
        `Host: ${at}`,
        "Connection: keep-alive",
        "",
        `{"name":"${name}"}`,
      ].join("\r\n"),
      [
        "POST / HTTP/1.1",
        "Accept: application/json",
        "Content-Type: application/json",
        "Micro-Endpoint: Greeter.Hello",
        "Micro-Id: 2",
        "Micro-Method: Greeter.Hello",
        "Micro-Service: greeter",
        "Micro-Stream: <stream>-2",
        "Timeout: <at most 2.5 s in ns>",
        "Authorization: Bearer secret",
        "Content-Length: 2",
        `Host: ${at}`,
        "Connection: keep-alive",
        "",
        "{}",
      ].join("\r\n"),
    ]);
  });

  test("a method or credentials that no header can have end the call, and nothing of them is said", async () => {
    const server = await fake();
    const refused = { code: "INVALID_ARGUMENT", executed: "no" };
    for (const method of ["日本", "x\r\nMicro-Error: y"])
      await expect(caller(server.address).any.call(method, {})).rejects.toMatchObject(refused);
    const { any } = caller(server.address, { credentials: "hunter\n2" });
    for (let n = 0; n < 2; n++) {
      const error = await any.call("hello", {}).then(undefined, (reason: RpcError) => reason);
      expect(error).toMatchObject(refused);
      expect(String((error as RpcError).message)).toContain('["Authorization"]');
      expect(JSON.stringify(error)).not.toContain("hunter");
    }
    expect(server.calls).toEqual([]);
  });

  test("what is the protocol's own is not metadata, and what cannot be a header is refused", async () => {
    const server = await fake();
    const { any } = caller(server.address);
    const metadata = { "micro-error": "x", "Content-Length": "3", Host: "h", connection: "close", ok: "1" };
    expect(await any.call("hello", { name: "X" }, { metadata })).toEqual({ message: "Hello X" });
    expect(server.calls[0]?.headers).toMatchObject({ ok: "1", connection: "keep-alive" });
    expect(server.calls[0]?.headers).not.toHaveProperty("micro-error");
    for (const metadata of [{ "a b": "1" }, { a: "x\r\nmicro-endpoint: Y" }] as Record<string, string>[])
      await expect(any.call("hello", {}, { metadata })).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        executed: "no",
      });
  });

  test("names by the rule, of a service whose handler has another type, or as they are given", async () => {
    const server = await fake({ "Say.Hello": () => ({ said: true }) });
    const { any } = caller(server.address);
    expect(await any.call("Say.Hello", {})).toEqual({ said: true });
    const protocols = [goMicroProtocol({ services: { greeter: { type: "Say", idempotent: ["hello"] } } })];
    expect(await caller(server.address, { protocols }).any.call("hello", {})).toEqual({ said: true });
  });

  test("streams are not sent over HTTP", async () => {
    const server = await fake();
    const protocols = [goMicroProtocol({ services: { greeter: { kinds: { hello: "server-stream" } } } })];
    const { client } = caller(server.address, { protocols });
    const greeter = client.service<{ hello(input: unknown): AsyncIterable<unknown> }>("greeter", {
      protocol: "go-micro",
    });
    await expect(greeter.hello({})[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: "UNIMPLEMENTED",
      executed: "no",
      message: expect.stringContaining("run it with its gRPC server"),
    });
    expect(server.calls).toEqual([]);
  });
});

describe("what a Go Micro server answers", () => {
  test("many calls over few connections, each with a stream of its own", async () => {
    const server = await fake();
    const { greeter } = caller(server.address);
    for (let i = 0; i < 50; i++)
      expect(await greeter.hello({ name: String(i) })).toEqual({ message: `Hello ${i}` });
    expect(server.connections).toBe(1);
    const all = await Promise.all(Array.from({ length: 40 }, (_, i) => greeter.hello({ name: String(i) })));
    expect(all.map(({ message }) => message)).toEqual(Array.from({ length: 40 }, (_, i) => `Hello ${i}`));
    expect(server.connections).toBeLessThanOrEqual(40);
    expect(new Set(server.calls.map(({ headers }) => headers["micro-stream"])).size).toBe(90);
  });

  test.each([
    ["400", new TypedError("greeter.Fail", 400, "bad name Bob", "Bad Request"), "INVALID_ARGUMENT", "yes"],
    ["401", new TypedError("greeter.Fail", 401, "who", "Unauthorized"), "UNAUTHENTICATED", "yes"],
    ["403", new TypedError("greeter.Fail", 403, "no", "Forbidden"), "PERMISSION_DENIED", "yes"],
    ["404", new TypedError("greeter.Fail", 404, "none", "Not Found"), "NOT_FOUND", "yes"],
    ["408", new TypedError("greeter.Fail", 408, "late", "Request Timeout"), "DEADLINE_EXCEEDED", "yes"],
    ["409", new TypedError("greeter.Fail", 409, "twice", "Conflict"), "ALREADY_EXISTS", "yes"],
    ["500", new TypedError("greeter.Fail", 500, "oh", "Internal Server Error"), "INTERNAL", "yes"],
    ["501", new TypedError("greeter.Fail", 501, "not yet", "Not Implemented"), "UNIMPLEMENTED", "yes"],
    ["503", new TypedError("greeter.Fail", 503, "busy", "Service Unavailable"), "UNAVAILABLE", "yes"],
    ["plain", new PlainError("plain failure for Bob"), "UNKNOWN", "yes"],
    ["not ASCII", new PlainError("plain failure for Bjørn 😀"), "UNKNOWN", "yes"],
    ["typed, not ASCII", new TypedError("greeter.Fail", 404, "no Bjørn 😀", "Not Found"), "NOT_FOUND", "yes"],
  ] as const)("an error: %s", async (_, thrown, code, executed) => {
    const server = await fake({
      "Greeter.Fail": () => {
        throw thrown;
      },
    });
    const { any } = caller(server.address);
    const failed = any.call("fail", {}, { idempotent: true });
    await expect(failed).rejects.toMatchObject({ code, executed, message: thrown.message });
    if (thrown instanceof TypedError)
      await expect(failed).rejects.toMatchObject({ details: JSON.parse(thrown.json) });
    // It is an answer: nobody else is asked.
    expect(server.calls).toHaveLength(1);
  });

  test.each([
    ["nope", "rpc: can't find method Nope"],
    ["Nope.Hello", "rpc: can't find service Nope"],
  ])("no such %s", async (method, message) => {
    const server = await fake();
    await expect(caller(server.address).any.call(method)).rejects.toMatchObject({
      code: "UNIMPLEMENTED",
      executed: "no",
      message,
    });
  });

  test.each([
    ["no body", http(""), undefined],
    [
      "headers that are the first request's",
      http('{"a":1}', "Micro-Id: 7", "Timeout: 1", "Micro-Method: X.Y"),
      { a: 1 },
    ],
    ["an empty error", http("1", "Micro-Error: "), 1],
    [
      "in pieces",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n",
      [1, 2],
    ],
    ["with a length of none", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[1]", [1]],
  ])("%s", async (_, answer, value) => {
    const at = await serveBytes((_, socket) => {
      if (answer.includes("Connection: close")) socket.end(answer);
      else socket.write(answer);
    });
    expect(await caller(at).any.call("hello")).toEqual(value);
  });

  test.each([
    ["unsupported type", http("unsupported Content-Type: application/json"), "UNIMPLEMENTED", "no"],
    ["no JSON", http("<html>"), "INTERNAL", "yes"],
    ["a key that would change what objects are", http('{"__proto__":{}}'), "INTERNAL", "yes"],
    ["too deep", http(`${"[".repeat(100)}${"]".repeat(100)}`), "INTERNAL", "yes"],
    ["too long", http(JSON.stringify("x".repeat(2000))), "RESOURCE_EXHAUSTED", "yes"],
    ["too long an error", http("", `Micro-Error: ${"x".repeat(70_000)}`), "UNAVAILABLE", "maybe"],
    ["another status", "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy", "UNAVAILABLE", "maybe"],
    ["no content", "HTTP/1.1 204 No Content\r\n\r\n", "UNKNOWN", "maybe"],
    [
      "a redirection",
      "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
      "UNKNOWN",
      "maybe",
    ],
    [
      "another protocol",
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
      "UNAVAILABLE",
      "maybe",
    ],
    ["no HTTP", "SSH-2.0-x\r\n", "UNAVAILABLE", "maybe"],
    [
      "two lengths",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n12",
      "UNAVAILABLE",
      "maybe",
    ],
    ["half an answer", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", "UNAVAILABLE", "maybe"],
    ["nothing", "", "UNAVAILABLE", "maybe"],
  ])("%s", async (_, answer, code, executed) => {
    const at = await serveBytes((_, socket) => void socket.end(answer, "latin1"));
    const { any } = caller(at, { limits: { maxMessageBytes: 1000 } });
    await expect(any.call("hello")).rejects.toMatchObject({ code, executed });
  });

  test("bytes that nobody asked for, and an answer after another, harm nobody", async () => {
    let n = 0;
    const at = await serveBytes((_, socket) => void socket.write(http(String(++n)) + http('"stray"')));
    const { any } = caller(at);
    const outcomes = await Promise.allSettled([any.call("hello"), any.call("hello"), any.call("hello")]);
    for (const outcome of outcomes)
      expect(outcome.status === "fulfilled" ? outcome.value : outcome.reason.code).not.toBe("stray");
  });
});

describe("time, and connections that end", () => {
  const waits = { "Greeter.Wait": ({ gone }: { gone: Promise<unknown> }) => gone };

  test("a deadline is kept here, whatever happens there: a panic is never answered", async () => {
    const server = await fake({
      "Greeter.Panic": () => {
        throw new Panic("oh");
      },
    });
    const { any } = caller(server.address);
    await any.call("hello", { name: "warm" });
    await expect(any.call("panic", {}, { timeoutMs: 1000 })).rejects.toMatchObject({
      code: "DEADLINE_EXCEEDED",
      executed: "maybe",
    });
    expect(Number(server.calls[1]?.headers.timeout)).toBeLessThanOrEqual(1000e6);
    expect(await any.call("hello", { name: "X" })).toEqual({ message: "Hello X" });
  });

  test("a call that is cancelled takes its own connection with it, and no other", async () => {
    const server = await fake(waits);
    const { any } = caller(server.address);
    const stop = new AbortController();
    const [given, kept] = [
      any.call("wait", {}, { signal: stop.signal }),
      any.call("wait", {}, { timeoutMs: 60_000 }),
    ];
    kept.catch(() => {});
    await expect.poll(() => server.calls.length).toBe(2);
    stop.abort();
    await expect(given).rejects.toMatchObject({ code: "CANCELLED", executed: "maybe" });
    await server.calls[0]?.gone;
    expect(server.open).toBe(1);
    expect(await any.call("hello", { name: "X" })).toEqual({ message: "Hello X" });
  });

  test("refused, nothing was sent; lost, nobody knows", async () => {
    const server = await fake(waits);
    const { any } = caller(server.address);
    const lost = any.call("wait");
    lost.catch(() => {});
    await expect.poll(() => server.calls.length).toBe(1);
    server.kill();
    await expect(lost).rejects.toMatchObject({ code: "UNAVAILABLE", executed: "maybe" });
    await expect(any.call("hello", {})).rejects.toMatchObject({ code: "UNAVAILABLE", executed: "no" });
  });

  test("who closes what is idle is connected to again, and who has gone is known to have", async () => {
    const server = await fake();
    const { greeter } = caller(server.address);
    await greeter.hello({ name: "X" });
    for (let i = 1; i <= 3; i++) {
      server.closeIdle();
      await expect.poll(() => server.connections).toBe(1 + i);
      expect(await greeter.hello({ name: "X" })).toEqual({ message: "Hello X" });
    }
    const { port } = server;
    server.kill();
    await expect(greeter.hello({ name: "X" })).rejects.toMatchObject({ code: "UNAVAILABLE" });
    const next = await FakeGoMicroServer.start({ "Greeter.Hello": () => ({ message: "back" }) }, port);
    ends.push(() => next.kill());
    await expect.poll(() => greeter.hello({ name: "X" }).catch(() => undefined)).toEqual({ message: "back" });
  });

  test("a server that is silent is suspected, and well again once it answers", async () => {
    let frozen = true;
    const held: (() => void)[] = [];
    const at = await serveBytes((text, socket) => {
      const answer = (): void =>
        void socket.write(
          text.includes("Skein.Ping") ? http("", "Micro-Error: rpc: can't find service Skein") : http("1"),
        );
      if (frozen) held.push(answer);
      else answer();
    });
    const { any } = caller(at, { policy: { liveness: { quietMs: 50, suspectMs: 100 } } });
    const first = any.call("hello");
    await expect.poll(() => held.length, { timeout: 3000 }).toBeGreaterThanOrEqual(2);
    frozen = false;
    for (const answer of held) answer();
    expect(await first).toBe(1);
  });

  test("calls beyond what one server is sent at once wait, and are never sent when their time is up", async () => {
    const server = await fake(waits);
    const { any } = caller(server.address, { limits: { maxCalls: 2 } });
    const sent = [any.call("wait"), any.call("wait")];
    for (const call of sent) call.catch(() => {});
    await expect.poll(() => server.calls.length).toBe(2);
    await expect(any.call("wait", {}, { timeoutMs: 100 })).rejects.toMatchObject({
      code: "DEADLINE_EXCEEDED",
      executed: "no",
    });
    const last = any.call("hello", { name: "X" });
    server.calls[0]?.socket.destroy();
    expect(await last).toEqual({ message: "Hello X" });
  });
});

test("instances whose records say that they are Go Micro's are called as such, unasked; those of ours beside them as ours", async () => {
  const server = await fake();
  const registry = createMemoryRegistry({ runtime: nodeRuntime });
  // Ours comes second: its HELLO is answered once Go Micro's is connected to.
  const authenticate = async (): Promise<boolean> => {
    await expect.poll(() => server.connections, { interval: 5 }).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    return true;
  };
  const app = await serve(new GreeterService(), {
    registry,
    log: silentLogger,
    signals: false,
    authenticate,
    selfDial: "off",
  });
  ends.push(() => app.close());
  const lease = await registry.lease({ ttlMs: 60_000 });
  await lease.put({
    service: "greeter",
    version: "1.0.0",
    id: "go",
    addresses: [{ protocol: "go-micro", url: `http://${server.address}` }],
    weight: 1,
    status: "serving",
    startedAt: new Date(0).toISOString(),
    metadata: { protocol: "mucp" },
  });
  const client = createClient({ registry, log: silentLogger });
  ends.push(() => client.close());
  const both = client.service<Greeter & { stream(input: { to: number }): AsyncIterable<unknown> }>("greeter");
  const items: unknown[] = [];
  // Only ours can say that it is a stream.
  for await (const item of both.stream({ to: 2 })) items.push(item);
  expect(items).toEqual([{ n: 0 }, { n: 1 }]);
  const only = (version: string) => client.service<Greeter>("greeter", { version }).hello({ name: version });
  expect(await only("1.0.0")).toEqual({ message: "Hello 1.0.0" });
  expect(server.calls).toHaveLength(1);
  await app.close();
  expect(await both.hello({ name: "X" })).toEqual({ message: "Hello X" });
  expect(server.calls).toHaveLength(2);
});

test("with one of two killed, no idempotent call fails, and both had their share", async () => {
  const slow = { "Greeter.Slow": () => new Promise((resolve) => setTimeout(resolve, 5, { ok: true })) };
  const [one, two] = [await fake(slow), await fake(slow)];
  const { any } = caller(`${one.address},${two.address}`);
  const failures: RpcError[] = [];
  let done = 0;
  let killed = false;
  const worker = async (): Promise<void> => {
    for (let i = 0; i < 40; i++) {
      await any.call("slow", {}, { idempotent: true }).catch((error: RpcError) => failures.push(error));
      if (++done >= 100 && !killed && Math.min(one.calls.length, two.calls.length) > 10) {
        killed = true;
        one.kill();
      }
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  expect(killed).toBe(true);
  expect(failures).toEqual([]);
  expect(one.calls.length + two.calls.length).toBeGreaterThanOrEqual(320);
});
