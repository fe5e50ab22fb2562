import { once } from "node:events";
import { connect, type IncomingHttpHeaders } from "node:http2";
import { type CallOptions, silentLogger } from "@skein/core";
import { afterEach, describe, expect, test } from "vitest";
import { grpcDoor } from "../../../grpc/src/door.ts";
import { createMemoryRegistry } from "../../../registry/src/index.ts";
import { createClient, serve } from "../../../skein/src/index.ts";
import { nodeRuntime } from "../../../skein/src/internal.ts";
import { httpDoor } from "../call-door.ts";
import { openGrpc } from "./client/grpc-road.ts";
import { type GoMicroProtocolOptions, goMicroProtocol } from "./client/protocol.ts";
import { FakeGoMicroGrpcServer } from "./test/fake-go-micro-grpc-server.ts";
import { PlainError, TypedError } from "./test/fake-go-micro-server.ts";
import { GreeterService } from "./test/greeter.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

interface Any {
  call(method: string, input?: unknown, options?: CallOptions): PromiseLike<unknown> & AsyncIterable<unknown>;
}

function caller(at: string, options: GoMicroProtocolOptions = {}): Any {
  const client = createClient({
    registry: `static://greeter=grpc://${at}`,
    log: silentLogger,
    protocols: [goMicroProtocol(options)],
  });
  ends.push(() => client.close());
  return client.service<never>("greeter", { protocol: "go-micro" }) as unknown as Any;
}

const handlers = {
  *"Greeter/Hello"({ inputs }: { readonly inputs: readonly any[] }) {
    yield { message: `Hello ${inputs[0].name}` };
  },
  *"Greeter/Count"({ inputs }: { readonly inputs: readonly any[] }) {
    for (let n = 0; n < inputs[0].to; n++) yield { n };
  },
  *"Greeter/Sum"({ inputs }: { readonly inputs: readonly any[] }) {
    yield inputs.reduce((sum, { n }) => sum + n, 0);
  },
};

async function fake(more: ConstructorParameters<typeof FakeGoMicroGrpcServer>[0] = {}) {
  const server = await FakeGoMicroGrpcServer.start({ ...handlers, ...more });
  ends.push(() => server.kill());
  return server;
}

describe("our client and a Go Micro server that speaks gRPC", () => {
  test("a call, with deadline and metadata", async () => {
    const server = await fake();
    const greeter = caller(server.address);
    const metadata = { "X-Caller": "skein" };
    expect(await greeter.call("hello", { name: "Bjørn" }, { metadata })).toEqual({ message: "Hello Bjørn" });
    expect(server.paths).toEqual(["/greeter.Greeter/Hello"]);
    expect(server.calls[0]?.headers).toMatchObject({
      ":method": "POST",
      te: "trailers",
      "content-type": "application/grpc+json",
      "x-caller": "skein",
      "grpc-timeout": expect.stringMatching(/^\d+[mun]$/),
    });
  });

  test("streams", async () => {
    const server = await fake();
    const kinds = { count: "server-stream", sum: "client-stream" } as const;
    const greeter = caller(server.address, { services: { greeter: { kinds } } });
    const got: unknown[] = [];
    for await (const item of greeter.call("count", { to: 3 })) got.push(item);
    expect(got).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }]);
    const items = async function* () {
      yield { n: 2 };
      yield { n: 3 };
    };
    expect(await greeter.call("sum", items())).toBe(5);
  });

  test("no input is an empty struct; names as they are given", async () => {
    const server = await fake({
      *"Say/Hi"({ inputs }) {
        yield inputs;
      },
    });
    expect(await caller(server.address).call("Say.Hi")).toEqual([{}]);
    expect(server.paths).toEqual(["/greeter.Say/Hi"]);
  });

  test.each([
    [400, "INVALID_ARGUMENT"],
    [401, "UNAUTHENTICATED"],
    [403, "PERMISSION_DENIED"],
    [404, "NOT_FOUND"],
    [408, "DEADLINE_EXCEEDED"],
    [409, "ALREADY_EXISTS"],
    [500, "INTERNAL"],
    [501, "UNIMPLEMENTED"],
    [503, "UNAVAILABLE"],
    [0, "UNKNOWN"],
  ])("the error %d", async (number, code) => {
    const thrown =
      number === 0
        ? new PlainError("plain failure for Bjørn")
        : new TypedError("greeter.Fail", number, "bad name Bjørn", "Words");
    const server = await fake({
      // biome-ignore lint/correctness/useYield: it fails before it has anything
      *"Greeter/Fail"() {
        throw thrown;
      },
    });
    await expect(caller(server.address).call("fail", {})).rejects.toMatchObject({
      code,
      executed: "yes",
      message: thrown.message,
    });
  });

  test("without the package that speaks gRPC: it is named", async () => {
    const missing = Object.assign(new Error("Cannot find package"), { code: "ERR_MODULE_NOT_FOUND" });
    await expect(openGrpc({} as never, () => Promise.reject(missing))).rejects.toThrow(
      "Go Micro servers that speak gRPC need the package @skein/grpc: npm install @skein/grpc",
    );
  });

  test("no such method", async () => {
    const server = await fake();
    await expect(caller(server.address).call("nope", {})).rejects.toMatchObject({
      code: "UNIMPLEMENTED",
      executed: "no",
    });
  });
});

describe("a Go Micro client and our gRPC door", () => {
  /** A FAKE of Go Micro's gRPC client, written from what is known of it. */
  async function goMicroCall(
    port: number,
    path: string,
    input: unknown,
    more: Record<string, string> = {},
    itself = true,
  ) {
    const session = connect(`http://127.0.0.1:${port}`);
    ends.push(() => session.destroy());
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      te: "trailers",
      "content-type": "application/grpc+json",
      ...(itself && { "x-content-type": "application/grpc+json" }),
      "grpc-timeout": "4999m",
      timeout: "5000000000",
      ...more,
    });
    const json = Buffer.from(JSON.stringify(input));
    const head = Buffer.alloc(5);
    head.writeUInt32BE(json.length, 1);
    stream.end(Buffer.concat([head, json]));
    let trailers: IncomingHttpHeaders = {};
    stream.on("response", (headers) => {
      trailers = { ...trailers, ...headers };
    });
    stream.on("trailers", (headers) => {
      trailers = { ...trailers, ...headers };
    });
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    await once(stream, "close");
    const text = trailers["grpc-message"];
    return {
      status: Number(trailers["grpc-status"]),
      message: text === undefined ? undefined : decodeURIComponent(String(text)),
      raw: text,
      details: trailers["grpc-status-details-bin"],
      value: chunks.length === 0 ? undefined : JSON.parse(Buffer.concat(chunks).subarray(5).toString()),
    };
  }

  async function open() {
    const app = await serve(new GreeterService(), {
      registry: createMemoryRegistry({ runtime: nodeRuntime }),
      log: silentLogger,
      signals: false,
      doors: [grpcDoor()],
    });
    ends.push(() => app.close());
    return Number(new URL(app.address).port);
  }

  test("a call, with its metadata", async () => {
    const port = await open();
    expect(await goMicroCall(port, "/greeter.Greeter/Hello", { name: "X" })).toMatchObject({
      status: 0,
      value: { message: "Hello X" },
    });
    const { value } = await goMicroCall(port, "/greeter.Greeter/Context", {}, { "x-caller": "go-client" });
    expect(value.metadata).toEqual({ "x-caller": "go-client" });
    expect(value.timeLeftMs).toBeGreaterThan(1000);
  });

  test.each([
    ["INVALID_ARGUMENT", 400, 3, "Bad Request"],
    ["UNAUTHENTICATED", 401, 16, "Unauthorized"],
    ["PERMISSION_DENIED", 403, 7, "Forbidden"],
    ["NOT_FOUND", 404, 5, "Not Found"],
    ["DEADLINE_EXCEEDED", 408, 4, "Request Timeout"],
    ["ALREADY_EXISTS", 409, 6, "Conflict"],
    ["ABORTED", 409, 6, "Conflict"],
    ["INTERNAL", 500, 13, "Internal Server Error"],
    ["UNIMPLEMENTED", 501, 12, "Not Implemented"],
    ["UNAVAILABLE", 503, 14, "Service Unavailable"],
  ])("%s is %d and status %d", async (code, number, status, words) => {
    const answer = await goMicroCall(await open(), "/greeter.Greeter/FailWith", { code });
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.message as string)).toEqual({
      id: "greeter.FailWith",
      code: number,
      detail: expect.stringMatching(/^why/),
      status: words,
    });
    expect(answer.details).toBeUndefined();
  });

  test("a plain error, and one that is not ASCII", async () => {
    const port = await open();
    expect(await goMicroCall(port, "/greeter.Greeter/Plain", { name: "Bob" })).toMatchObject({
      status: 2,
      message: "plain failure for Bob",
    });
    expect((await goMicroCall(port, "/greeter.Greeter/Fail", { name: "Bjørn" })).raw).toBe(
      '{"id":"greeter.Fail","code":400,"detail":"bad name Bj%C3%B8rn","status":"Bad Request"}',
    );
  });

  test("others are told in gRPC's own words", async () => {
    const port = await open();
    const answer = await goMicroCall(port, "/greeter.Greeter/Fail", { name: "Bob" }, {}, false);
    expect(answer).toMatchObject({ status: 3, message: "bad name Bob", details: expect.any(String) });
  });
});

describe("our client and our doors, in Go Micro's way", () => {
  test.each([
    ["grpc", [grpcDoor()]],
    ["http", [httpDoor()]],
    ["http, where there are both", [grpcDoor(), httpDoor()]],
  ])("over %s", async (_, doors) => {
    const registry = createMemoryRegistry({ runtime: nodeRuntime });
    const app = await serve(new GreeterService(), { registry, log: silentLogger, signals: false, doors });
    ends.push(() => app.close());
    const client = createClient({ registry, log: silentLogger, protocols: [goMicroProtocol()] });
    ends.push(() => client.close());
    const greeter = client.service<never>("greeter", { protocol: "go-micro" }) as unknown as Any;
    expect(await greeter.call("hello", { name: "Bjørn" })).toEqual({ message: "Hello Bjørn" });
    await expect(greeter.call("fail", { name: "Bjørn" })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      executed: "yes",
      message: "bad name Bjørn",
      details: { id: "greeter.Fail", code: 400 },
    });
    const plain = greeter.call("plain", { name: "Bob" });
    await expect(plain).rejects.toMatchObject({ code: "UNKNOWN", message: "plain failure for Bob" });
    expect(await greeter.call("context", {}, { metadata: { "X-Caller": "skein" } })).toMatchObject({
      metadata: { "x-caller": "skein" },
    });
  });
});
