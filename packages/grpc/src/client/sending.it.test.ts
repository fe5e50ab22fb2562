import { constants } from "node:http2";
import { afterEach, describe, expect, test } from "vitest";
import {
  answer,
  END_HEADERS,
  END_STREAM,
  FRAMES,
  h2Frame,
  json,
  SETTINGS,
  SETTINGS_ACK,
  steady,
  useSessions,
} from "./test/harness.ts";

const { serve, serveBytes, open } = useSessions(afterEach);

describe("what is sent", () => {
  test("headers of the protocol, and the caller's", async () => {
    const seen: object[] = [];
    const server = await serve((stream) => {
      seen.push({ ...(stream as unknown as { sentHeaders: object }).sentHeaders });
      answer(stream, json(1));
    });
    const { url } = server;
    const heard: Record<string, unknown>[] = [];
    const { opened, call, session } = open(url, { credentials: "key" });
    await opened;
    server.sessions[0]?.on("stream", (_, headers) => heard.push({ ...headers }));
    const metadata = { "X-Tenant": "acme", "grpc-timeout": "1n", te: "x", ":path": "/x" };
    await call("getIt", {}, { metadata, timeoutMs: 1500, attempt: 1 }).outcome;
    session.authenticate("Basic abc");
    await call("getIt").outcome;
    expect(heard[0]).toMatchObject({
      ":method": "POST",
      ":path": "/desk.Desk/GetIt",
      ":scheme": "http",
      ":authority": url.slice(7),
      te: "trailers",
      "content-type": "application/grpc+json",
      "grpc-timeout": "1500m",
      "grpc-previous-rpc-attempts": "1",
      "x-tenant": "acme",
      authorization: "Bearer key",
    });
    expect(heard[1]).toMatchObject({ authorization: "Basic abc" });
  });

  test.each([
    [{ "bad name": "x" }, 'the metadata "bad name" cannot be sent over gRPC: a name may have'],
    [{ "x-a": "ü" }, 'the metadata "x-a" cannot be sent over gRPC: a value is text in ASCII'],
    [{ "x-a": "a\nb" }, 'the metadata "x-a" cannot be sent over gRPC'],
    [{ connection: "close" }, "connection"],
  ])("metadata that no header can have: %j", async (metadata, message) => {
    const { opened, call } = open((await serve((stream) => answer(stream, json(1)))).url);
    await opened;
    const failed = { code: "INVALID_ARGUMENT", executed: "no", message: expect.stringContaining(message) };
    expect(await call("get", {}, { metadata: metadata as Record<string, string> }).outcome).toMatchObject(
      failed,
    );
    expect(await call("get").outcome).toBe(1);
  });

  test("inputs that cannot be written were not sent", async () => {
    const { opened, call } = open((await serve((stream) => answer(stream, json(1)))).url);
    await opened;
    const circle: unknown[] = [];
    circle.push(circle);
    const never = { code: "INVALID_ARGUMENT", executed: "no" };
    expect(await call("get", circle).outcome).toMatchObject(never);
    expect(await call("take", 7).outcome).toMatchObject(never);
    expect(await call("not-a-name").outcome).toMatchObject({ code: "UNIMPLEMENTED", executed: "no" });
    expect(await call("get", "x".repeat(5_000_000)).outcome).toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      executed: "no",
    });
  });

  test("an input stream that fails, or gives what cannot be written, cancels the call", async () => {
    const server = await serve((stream) => stream.resume());
    const { opened, call } = open(server.url);
    await opened;
    async function* broken() {
      yield 1;
      throw new Error("broken");
    }
    const failed = { code: "CANCELLED", executed: "maybe", message: "the input stream failed" };
    expect(await call("take", broken()).outcome).toMatchObject({ ...failed, cause: new Error("broken") });
    let closed = false;
    function* circles() {
      try {
        const circle: unknown[] = [];
        circle.push(circle);
        yield 1;
        yield circle;
      } finally {
        closed = true;
      }
    }
    expect(await call("take", circles()).outcome).toMatchObject(failed);
    expect(closed).toBe(true);
    await expect.poll(() => server.resets).toEqual([constants.NGHTTP2_CANCEL, constants.NGHTTP2_CANCEL]);
  });
});

describe("back pressure", () => {
  test("a reader that is slow holds up the server", async () => {
    let written = 0;
    let held = false;
    const server = await serve((stream) => {
      stream.respond({ ":status": 200, "content-type": "application/grpc+json" });
      const message = json("x".repeat(1000));
      const more = (): void => {
        do written++;
        while (written < 10_000 && stream.write(message));
        held = written < 10_000;
        if (!held) {
          stream.end();
        }
      };
      stream.on("drain", more);
      more();
    });
    const { opened, call } = open(server.url, { limits: { streamWindowBytes: 65_536 } });
    await opened;
    const reading = call("give");
    const items = reading.items as NonNullable<typeof reading.items>;
    await items.next();
    expect(await steady(() => written)).toBeLessThan(600);
    expect(held).toBe(true);
    let read = 1;
    for (; read < 9000; read++) await items.next();
    expect(written).toBeGreaterThan(8000);
    await items.return();
    expect(await reading.outcome).toBe("abandoned");
  });

  test.each([
    ["grpc-go's way, resetting what is left of the request", constants.NGHTTP2_NO_ERROR],
    ["leaving it open", undefined],
  ])("what came before an early end is read in full, %s", async (_, code) => {
    const server = await serve((stream) => {
      stream.respond({ ":status": 200, "content-type": "application/grpc+json" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => {
        stream.sendTrailers({ "grpc-status": "0" });
        if (code !== undefined) setTimeout(() => stream.close(code), 20);
      });
      for (let n = 0; n < 200; n++) stream.write(json("x".repeat(1000)));
      stream.end();
    });
    const { opened, call } = open(server.url, { limits: { streamWindowBytes: 120_000 } });
    await opened;
    let stopped = false;
    async function* endless() {
      try {
        yield 1;
        await new Promise(() => {});
      } finally {
        stopped = true;
      }
    }
    const both = call("both", endless());
    const items = both.items as NonNullable<typeof both.items>;
    let read = 0;
    for await (const item of items) {
      if (read++ === 0) await new Promise((resolve) => setTimeout(resolve, 150));
      expect(item).toHaveLength(1000);
    }
    expect(read).toBe(200);
    expect(await both.outcome).toBe(undefined);
    expect(stopped).toBe(false);
  });

  test("what was lost by a reset is not passed over in silence, whatever the trailers said", async () => {
    const items = (count: number): Buffer[] =>
      Array.from({ length: count }, () => h2Frame(FRAMES.data, 0, json("x".repeat(1000))));
    const url = await serveBytes((socket) => {
      socket.write(Buffer.concat([SETTINGS, SETTINGS_ACK]));
      socket.once("data", async () => {
        socket.write(
          Buffer.concat([h2Frame(FRAMES.headers, END_HEADERS, Buffer.from([0x88])), ...items(110)]),
        );
        await new Promise((resolve) => setTimeout(resolve, 100));
        // :status 200 as above, and grpc-status 0, as it is; then RST_STREAM, INTERNAL_ERROR.
        const trailers = Buffer.concat([
          Buffer.from([0, 11]),
          Buffer.from("grpc-status"),
          Buffer.from([1]),
          Buffer.from("0"),
        ]);
        const reset = h2Frame(FRAMES.reset, 0, Buffer.from([0, 0, 0, constants.NGHTTP2_INTERNAL_ERROR]));
        socket.write(
          Buffer.concat([...items(90), h2Frame(FRAMES.headers, END_HEADERS | END_STREAM, trailers), reset]),
        );
      });
    });
    const { opened, call } = open(url, { limits: { streamWindowBytes: 120_000 } });
    await opened;
    // While our half is open, the reset counts.
    const giving = call("both", { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) });
    await giving.outcome;
    let read = 0;
    const reading = async (): Promise<void> => {
      for await (const _ of giving.items as NonNullable<typeof giving.items>) read++;
    };
    await expect(reading()).rejects.toMatchObject({ code: "INTERNAL", executed: "maybe" });
    expect(read).toBeLessThan(200);
  });

  test("a server that does not read holds up the input", async () => {
    const server = await serve((stream) => stream.pause());
    const { opened, call, session } = open(server.url);
    await opened;
    let given = 0;
    function* items() {
      for (;;) {
        given++;
        yield "x".repeat(1000);
      }
    }
    const sending = call("take", items());
    await expect.poll(() => given).toBeGreaterThan(10);
    expect(await steady(() => given)).toBeLessThan(1000);
    session.cancel(sending);
    expect(session.pending).toBe(0);
  });
});
