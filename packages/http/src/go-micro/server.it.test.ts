import { silentLogger } from "@skein/core";
import { afterEach, describe, expect, test, vi } from "vitest";
import { createMemoryRegistry } from "../../../registry/src/index.ts";
import { serve } from "../../../skein/src/index.ts";
import { nodeRuntime } from "../../../skein/src/internal.ts";
import { httpDoor } from "../call-door.ts";
import type { HttpOptions } from "../http-options.ts";
import { FakeGoMicroClient, goMicroRequest } from "./test/fake-go-micro-client.ts";
import { GreeterService } from "./test/greeter.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function open(door: HttpOptions = {}) {
  const greeter = new GreeterService();
  const app = await serve(greeter, {
    registry: createMemoryRegistry({ runtime: nodeRuntime }),
    log: silentLogger,
    signals: false,
    doors: [httpDoor(door)],
  });
  ends.push(() => app.close());
  const client = new FakeGoMicroClient(Number(new URL(app.address).port));
  ends.push(() => client.close());
  return { app, greeter, client };
}

const ok = (body: string) => ({
  head: `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nDate: <now>\r\nConnection: keep-alive`,
  // As bytes.
  body: Buffer.from(body).toString("latin1"),
});
const failed = (error: string) => ({
  head: `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nmicro-error: ${error}\r\ncontent-length: 0\r\nDate: <now>\r\nConnection: keep-alive`,
  body: "",
});
const typed = (method: string, code: number, detail: string, status: string) =>
  failed(`{"id":"greeter.${method}","code":${code},"detail":"${detail}","status":"${status}"}`);

/** Requests as Go Micro writes them, and our answers, byte by byte. */
const golden: readonly (readonly [
  what: string,
  request: string,
  answer: { readonly head: string; readonly body: string },
])[] = [
  ["a call", goMicroRequest("Greeter.Hello", '{"name":"X"}'), ok('{"message":"Hello X"}')],
  [
    "only what is needed",
    'POST /any/path?x=1 HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nMicro-Method: Greeter.Hello\r\nContent-Length: 12\r\n\r\n{"name":"X"}',
    ok('{"message":"Hello X"}'),
  ],
  [
    "not ASCII, in and out",
    goMicroRequest("Greeter.Hello", '{"name":"Bj\\u00f8rn"}'),
    ok('{"message":"Hello Bjørn"}'),
  ],
  [
    "a stream's header on a unary call",
    goMicroRequest("Greeter.Hello", '{"name":"X"}', ["Micro-Stream: abc"]),
    ok('{"message":"Hello X"}'),
  ],
  ["no answer is an empty struct", goMicroRequest("Greeter.Nothing", "{}"), ok("{}")],
  ["null is no input", goMicroRequest("Greeter.Echo", "null"), ok('{"input":"none"}')],
  ["no body is no input", goMicroRequest("Greeter.Echo", ""), ok('{"input":"none"}')],
  [
    "a typed error",
    goMicroRequest("Greeter.Fail", '{"name":"Bob"}'),
    typed("Fail", 400, "bad name Bob", "Bad Request"),
  ],
  [
    "a typed error that is not ASCII",
    goMicroRequest("Greeter.Fail", '{"name":"Bj\\u00f8rn \\ud83d\\ude00"}'),
    typed("Fail", 400, "bad name Bj\\u00f8rn \\ud83d\\ude00", "Bad Request"),
  ],
  ["a plain error", goMicroRequest("Greeter.Plain", '{"name":"Bob"}'), failed("plain failure for Bob")],
  [
    "a plain error that cannot be a header as it is",
    goMicroRequest("Greeter.Plain", '{"name":"Bj\\u00f8rn\\r\\nX: y"}'),
    failed("plain failure for Bj\\u00f8rn\\r\\nX: y"),
  ],
  ["unknown method", goMicroRequest("Greeter.Nope", "{}"), failed("rpc: can't find method Nope")],
  ["unknown service", goMicroRequest("Nope.Hello", "{}"), failed("rpc: can't find service Nope")],
  ["no Type.Method", goMicroRequest("Hello", "{}"), failed("rpc: service/method request ill-formed: Hello")],
  [
    "unknown content type",
    goMicroRequest("Greeter.Hello", "\x08\x01").replace(
      "Content-Type: application/json",
      "Content-Type: application/protobuf",
    ),
    {
      head: "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 46\r\nDate: <now>\r\nConnection: keep-alive",
      body: "unsupported Content-Type: application/protobuf",
    },
  ],
  [
    "no JSON",
    goMicroRequest("Greeter.Hello", '{"name":'),
    typed("Hello", 400, "the body is no JSON: a value expected at line 1, column 9", "Bad Request"),
  ],
  [
    "a key that would change what objects are",
    goMicroRequest("Greeter.Hello", '{"__proto__":{}}'),
    typed("Hello", 400, 'the key \\"__proto__\\" is refused', "Bad Request"),
  ],
  [
    "a stream",
    goMicroRequest("Greeter.Stream", '{"to":3}', ["Micro-Stream: abc"]),
    typed(
      "Stream",
      501,
      "greeter.stream is a server-stream: Go Micro's streams go over gRPC, not over HTTP",
      "Not Implemented",
    ),
  ],
  [
    "an error of the service's own types",
    goMicroRequest("Greeter.Shut", "{}"),
    failed('{"id":"greeter.SHUT","code":503,"detail":"shut","status":"Service Unavailable"}'),
  ],
  [
    "a timeout that is none",
    goMicroRequest("Greeter.Hello", "{}").replace("Timeout: 5000000000", "Timeout: 5s"),
    typed("Hello", 400, 'the header Timeout is \\"5s\\": give nanoseconds, as in 5000000000', "Bad Request"),
  ],
  [
    "a deadline that has passed",
    goMicroRequest("Greeter.Hello", "{}").replace("Timeout: 5000000000", "Timeout: -5"),
    typed("Hello", 408, "the deadline passed before the call came", "Request Timeout"),
  ],
];

describe("requests of Go Micro and our answers, byte by byte", () => {
  test.each(golden)("%s", async (_, request, answer) => {
    const { client } = await open();
    const { head, body } = await client.send(request);
    expect({ head: head.replace(/^Date: .*GMT$/m, "Date: <now>"), body }).toEqual(answer);
    // The connection is as good as before.
    expect((await client.call("Greeter.Hello", { name: "again" })).body).toBe('{"message":"Hello again"}');
    expect(client.dialled).toBe(1);
  });
});

describe("a caller of Go Micro's", () => {
  test.each([
    ["INVALID_ARGUMENT", 400],
    ["UNAUTHENTICATED", 401],
    ["PERMISSION_DENIED", 403],
    ["NOT_FOUND", 404],
    ["DEADLINE_EXCEEDED", 408],
    ["ALREADY_EXISTS", 409],
    ["ABORTED", 409],
    ["INTERNAL", 500],
    ["UNIMPLEMENTED", 501],
    ["UNAVAILABLE", 503],
  ])("is told %s as %d", async (code, number) => {
    const { client } = await open();
    const { headers, body } = await client.call("Greeter.FailWith", { code });
    expect(JSON.parse(headers.get("micro-error") as string)).toMatchObject({
      id: "greeter.FailWith",
      code: number,
      detail: expect.stringMatching(/^why/),
    });
    expect(body).toBe("");
  });

  test.each(["Greeter.Crash", "Greeter.CrashBadly"])(
    "gets an answer from %s, and no secrets",
    async (name) => {
      const { client } = await open();
      const { headers } = await client.call(name, {});
      expect(JSON.parse(headers.get("micro-error") as string)).toMatchObject({
        code: 500,
        status: "Internal Server Error",
      });
      expect(headers.get("micro-error")).not.toContain("hunter2");
    },
  );

  test("gives its metadata and its time, and gets nothing of it back", async () => {
    const { client } = await open();
    const { head, body } = await client.call("Greeter.Context", {}, [
      "X-Caller: go-client",
      "Tenant: blue",
      "Name: Bjørn",
      "Micro-From-Service: shop",
      "Micro-Stream: 7",
      "Accept-Encoding: gzip",
    ]);
    const { metadata, timeLeftMs } = JSON.parse(Buffer.from(body, "latin1").toString());
    expect(metadata).toEqual({
      "x-caller": "go-client",
      tenant: "blue",
      name: "Bjørn",
      "micro-from-service": "shop",
    });
    expect(timeLeftMs).toBeGreaterThan(1000);
    expect(timeLeftMs).toBeLessThanOrEqual(5000);
    expect(head).not.toMatch(/go-client|blue|micro-|timeout|encoding/i);
  });

  test("is answered at its deadline, which the handler hears of", async () => {
    const { client, greeter } = await open();
    const request = goMicroRequest("Greeter.Wait", "60000").replace("5000000000", "1000000000");
    const { headers } = await client.send(request);
    expect(JSON.parse(headers.get("micro-error") as string)).toMatchObject({
      code: 408,
      status: "Request Timeout",
    });
    await expect.poll(() => greeter.aborted).toHaveLength(1);
  });

  test("that goes takes its call with it", async () => {
    const { client, greeter } = await open();
    const call = client.call("Greeter.Wait", 60_000);
    await expect.poll(() => greeter.waiting).toBe(1);
    client.close();
    await expect(call).rejects.toThrow("broken pipe");
    await expect.poll(() => greeter.aborted).toHaveLength(1);
  });

  test("is not answered in gzip, however long the answer is", async () => {
    const { client } = await open();
    const long = "x".repeat(5000);
    const { body } = await client.call("Greeter.Hello", { name: long }, ["Accept-Encoding: gzip"]);
    expect(JSON.parse(body)).toEqual({ message: `Hello ${long}` });
  });

  test("finds its idle connection good for longer than its pool keeps it, 60 s; not for ever", async () => {
    const { client } = await open();
    await client.call("Greeter.Hello", { name: "X" });
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const timers = vi.spyOn(globalThis, "setTimeout");
    ends.push(() => {
      timers.mockRestore();
      vi.useRealTimers();
    });
    for (let i = 1; i <= 3; i++) {
      await client.call("Greeter.Hello", { name: "X" });
      // The door counts from when its answer has left, of which the client does not hear.
      await expect.poll(() => timers.mock.calls.filter(([, ms]) => ms === 75_000)).toHaveLength(i);
      vi.advanceTimersByTime(65_000);
    }
    expect([client.dialled, client.idle]).toEqual([1, 1]);
    vi.advanceTimersByTime(15_000);
    await expect(client.call("Greeter.Hello", { name: "X" })).rejects.toThrow("broken pipe");
  });

  test("may send so much, and is told when it is more", async () => {
    const { client } = await open({ limits: { maxBodyBytes: 100 } });
    const { headers } = await client.call("Greeter.Hello", { name: "x".repeat(100) });
    expect(JSON.parse(headers.get("micro-error") as string)).toMatchObject({
      code: 413,
      detail: "the body is longer than 100 bytes",
    });
  });

  test("calls by names of its own, where the door is told what they mean", async () => {
    const asked: string[] = [];
    const { client } = await open({
      names: (goName) => {
        asked.push(goName);
        return goName === "Say.Hi" ? { service: "greeter", method: "hello" } : undefined;
      },
    });
    for (let i = 0; i < 3; i++)
      expect((await client.call("Say.Hi", { name: "X" })).body).toBe('{"message":"Hello X"}');
    expect((await client.call("Greeter.Hello", { name: "X" })).body).toBe('{"message":"Hello X"}');
    expect(asked).toEqual(["Say.Hi", "Greeter.Hello"]);
  });

  test.each([
    "__proto__.constructor",
    "Greeter.__proto__",
    "Greeter.$describe.",
    "..",
    ".Hello",
    "Greeter.",
    "Bjørn.Hello",
    `Greeter.${"x".repeat(4000)}`,
    "Greeter.Hello\r\nMicro-Endpoint: Greeter.Nope",
  ])("is told that there is no %.30s, and may go on", async (name) => {
    const { client } = await open();
    const { head, headers, body } = await client.call(name, {});
    expect(head).toMatch(/^HTTP\/1\.1 200 OK/);
    expect(headers.get("micro-error")).toMatch(/^rpc: [\x20-\x7e]+$/);
    expect(body).toBe("");
    expect((await client.call("Greeter.Hello", { name: "X" })).body).toBe('{"message":"Hello X"}');
    expect(client.dialled).toBe(1);
  });

  test("of a page of another origin is not answered as one of Go Micro's", async () => {
    const { client } = await open();
    const { head } = await client.call("Greeter.Hello", {}, ["Origin: https://evil.example"]);
    expect(head).toMatch(/^HTTP\/1\.1 403 /);
  });
});
