import { constants } from "node:http2";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import { frame } from "../messages.ts";
import { answer, json, steady, useSessions } from "./test/harness.ts";

const { serve, serveBytes, open } = useSessions(afterEach);
/** SETTINGS, empty: what a server of HTTP/2 says first. */
const SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
const ACK = Buffer.from([0, 0, 0, 4, 1, 0, 0, 0, 0]);

const [DATA, HEADERS, RST_STREAM, END_STREAM, END_HEADERS] = [0, 1, 3, 1, 4];

/** Of the connection's first call. */
function h2Frame(type: number, flags: number, body: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from([0, body.length >> 8, body.length & 255, type, flags, 0, 0, 0, 1]),
    body,
  ]);
}

describe("connecting", () => {
  test("a peer that accepts and is mute is given up in time", async () => {
    const { session, closed, clock, events } = open(await serveBytes(() => {}));
    await expect.poll(() => session.state).toBe("opening");
    await clock.advanceAsync(1000);
    expect(await closed).toMatchObject({ code: "UNAVAILABLE", executed: "no" });
    expect((await closed).message).toMatch(
      /^no (HTTP\/2 from|connection to) 127\.0\.0\.1:\d+ within 1000 ms$/,
    );
    expect(events).toEqual(["closed"]);
    expect(clock.timers).toBe(0);
  });

  test.each([
    ["HTTP/1.1 400 Bad Request\r\n\r\n", "Protocol error"],
    ["\0".repeat(100), ""],
    ["", "was closed by the peer"],
  ])("%j is no HTTP/2", async (text, message) => {
    const { closed, events } = open(await serveBytes((socket) => socket.end(text)));
    expect(await closed).toMatchObject({
      code: "UNAVAILABLE",
      executed: "no",
      message: expect.stringContaining(message),
    });
    expect(events).toEqual(["closed"]);
  });

  test("a Unix socket", async () => {
    const path = join(tmpdir(), `skein-grpc-${process.pid}.sock`);
    await serve((stream) => answer(stream, json("unix")), {}, path);
    const { opened, call } = open(`unix:${path}`);
    await opened;
    expect(await call("get").outcome).toBe("unix");
  });

  test("nobody listens there", async () => {
    const { closed } = open("127.0.0.1:1");
    expect(await closed).toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringContaining("ECONNREFUSED"),
    });
  });

  test.each(["10.0.0.1", "memory:x", "grpc://a:0", "grpc://a:70000", "grpc://u:p@a:1"])(
    "%s is no address",
    (url) => expect(() => open(url)).toThrow("gRPC is dialled at host:port"),
  );
});

describe("answers", () => {
  test.each([
    [
      "no grpc-status",
      json(1),
      null,
      {},
      { code: "INTERNAL", executed: "maybe", message: /without grpc-status/ },
    ],
    [
      "trailers without",
      json(1),
      { other: "1" },
      {},
      { code: "INTERNAL", executed: "maybe", message: /without grpc-status/ },
    ],
    ["a status that is none", undefined, { "grpc-status": "x" }, {}, { code: "UNKNOWN", executed: "yes" }],
    ["one that nobody knows", undefined, { "grpc-status": "99" }, {}, { code: "UNKNOWN", executed: "yes" }],
    [
      "a server's UNAVAILABLE",
      undefined,
      { "grpc-status": "14" },
      {},
      { code: "UNAVAILABLE", executed: "yes", retry: "none" },
    ],
    [
      "our door's, not executed",
      undefined,
      { "grpc-status": "8", "skein-outcome": "no, 250" },
      {},
      { code: "RESOURCE_EXHAUSTED", executed: "no", retry: 250 },
    ],
    [
      "a proxy's 503",
      undefined,
      {},
      { ":status": 503, "content-type": "text/html" },
      { code: "UNAVAILABLE", executed: "maybe" },
    ],
    [
      "a web server's 404",
      undefined,
      {},
      { ":status": 404, "content-type": "text/html" },
      { code: "UNIMPLEMENTED" },
    ],
    [
      "a web page",
      json(1),
      {},
      { "content-type": "text/html" },
      { code: "UNKNOWN", message: /no gRPC server/ },
    ],
    ["no message", undefined, { "grpc-status": "0" }, {}, { code: "INTERNAL", message: /it has no message/ }],
    [
      "two messages",
      Buffer.concat([json(1), json(2)]),
      { "grpc-status": "0" },
      {},
      { code: "INTERNAL", message: /a second message/ },
    ],
    [
      "half a message",
      json("abc").subarray(0, 7),
      { "grpc-status": "0" },
      {},
      { code: "INTERNAL", message: /within a message/ },
    ],
    [
      "garbage",
      Buffer.from([7, 0, 0, 0, 0]),
      { "grpc-status": "0" },
      {},
      { code: "INTERNAL", message: /begins with 7/ },
    ],
    [
      "4 GiB, it says",
      Buffer.from([0, 255, 255, 255, 255, 1]),
      { "grpc-status": "0" },
      {},
      { code: "RESOURCE_EXHAUSTED", executed: "yes" },
    ],
    [
      "no JSON",
      frame(Buffer.from("{")),
      { "grpc-status": "0" },
      {},
      { code: "INTERNAL", executed: "yes", message: /no JSON/ },
    ],
    [
      "__proto__",
      frame(Buffer.from('{"a":{"__pr\\u006fto__":1}}')),
      { "grpc-status": "0" },
      {},
      { code: "INTERNAL", message: /__proto__/ },
    ],
    [
      "an encoding that nobody knows",
      Buffer.from([1, 0, 0, 0, 1, 1]),
      { "grpc-status": "0" },
      { "grpc-encoding": "br" },
      { code: "INTERNAL", message: /grpc-encoding is br/ },
    ],
    [
      "no gzip",
      Buffer.from([1, 0, 0, 0, 1, 1]),
      { "grpc-status": "0" },
      { "grpc-encoding": "gzip" },
      { code: "INTERNAL", message: /no gzip/ },
    ],
  ] as const)("%s", async (_, body, trailers, headers, expected) => {
    const server = await serve((stream) =>
      answer(stream, body as Buffer | undefined, trailers as Record<string, string> | null, headers),
    );
    const { opened, call, session } = open(server.url);
    await opened;
    const { message, ...rest } = expected as typeof expected & { message?: RegExp };
    const error = (await call("get").outcome) as Error;
    expect(error).toMatchObject(rest);
    expect(error.message).toMatch(message ?? /./);
    expect(session.pending).toBe(0);
    expect(session.state).toBe("open");
  });

  test("a message with gzip, whoever asked for it; a bomb is refused", async () => {
    const pack = (size: number): Buffer => {
      const zipped = frame(gzipSync(JSON.stringify("x".repeat(size))));
      zipped[0] = 1;
      return zipped;
    };
    const sizes = [10, 5_000_000];
    const server = await serve((stream) =>
      answer(stream, pack(sizes.shift() as number), undefined, { "grpc-encoding": "gzip" }),
    );
    const { opened, call } = open(server.url);
    await opened;
    expect(await call("get").outcome).toBe("x".repeat(10));
    expect(await call("get").outcome).toMatchObject({ code: "RESOURCE_EXHAUSTED" });
  });

  test("trailers alone, percent and raw UTF-8", async () => {
    const texts = ["100%25 n%C3%B6", Buffer.from("nö").toString("latin1"), "%zz"];
    const server = await serve((stream) =>
      stream.respond(
        {
          ":status": 200,
          "content-type": "application/grpc",
          "grpc-status": "5",
          "grpc-message": texts.shift() as string,
        },
        { endStream: true },
      ),
    );
    const { opened, call } = open(server.url);
    await opened;
    expect(await call("get").outcome).toMatchObject({ code: "NOT_FOUND", message: "100% nö" });
    expect(await call("get").outcome).toMatchObject({ code: "NOT_FOUND", message: "nö" });
    expect(await call("get").outcome).toMatchObject({ code: "NOT_FOUND", message: "%zz" });
  });

  test.each([
    ["NGHTTP2_REFUSED_STREAM", { code: "UNAVAILABLE", executed: "no", retry: "elsewhere" }],
    ["NGHTTP2_CANCEL", { code: "CANCELLED", executed: "maybe", retry: "none" }],
    ["NGHTTP2_INTERNAL_ERROR", { code: "INTERNAL", executed: "maybe", retry: "none" }],
    ["NGHTTP2_ENHANCE_YOUR_CALM", { code: "RESOURCE_EXHAUSTED", executed: "maybe", retry: "none" }],
    ["NGHTTP2_INADEQUATE_SECURITY", { code: "PERMISSION_DENIED", executed: "maybe" }],
    ["NGHTTP2_NO_ERROR", { code: "INTERNAL", executed: "maybe" }],
  ] as const)("reset by %s", async (name, expected) => {
    const server = await serve((stream) => stream.close(constants[name]));
    const { opened, call, session } = open(server.url);
    await opened;
    expect(await call("get").outcome).toMatchObject(expected);
    expect(session.state).toBe("open");
  });

  test("no grpc-status while the input is still open", async () => {
    const server = await serve((stream) => answer(stream, json(1), null));
    const { opened, call, session } = open(server.url);
    await opened;
    const never = { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) };
    expect(await call("take", never).outcome).toMatchObject({
      code: "INTERNAL",
      message: "the answer ended without grpc-status",
    });
    expect(session.pending).toBe(0);
  });

  test("an early end of a call that takes a stream closes the input", async () => {
    const server = await serve((stream) =>
      stream.respond(
        { ":status": 200, "content-type": "application/grpc", "grpc-status": "9" },
        { endStream: true },
      ),
    );
    const { opened, call } = open(server.url);
    await opened;
    let closed = false;
    async function* items() {
      try {
        for (;;) {
          yield 1;
          await new Promise((resolve) => setImmediate(resolve));
        }
      } finally {
        closed = true;
      }
    }
    expect(await call("take", items()).outcome).toMatchObject({ code: "FAILED_PRECONDITION" });
    await expect.poll(() => closed).toBe(true);
  });
});

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
      Array.from({ length: count }, () => h2Frame(DATA, 0, json("x".repeat(1000))));
    const url = await serveBytes((socket) => {
      socket.write(Buffer.concat([SETTINGS, ACK]));
      socket.once("data", async () => {
        socket.write(Buffer.concat([h2Frame(HEADERS, END_HEADERS, Buffer.from([0x88])), ...items(110)]));
        await new Promise((resolve) => setTimeout(resolve, 100));
        // :status 200 as above, and grpc-status 0, as it is; then RST_STREAM, INTERNAL_ERROR.
        const trailers = Buffer.concat([
          Buffer.from([0, 11]),
          Buffer.from("grpc-status"),
          Buffer.from([1]),
          Buffer.from("0"),
        ]);
        const reset = h2Frame(RST_STREAM, 0, Buffer.from([0, 0, 0, constants.NGHTTP2_INTERNAL_ERROR]));
        socket.write(
          Buffer.concat([...items(90), h2Frame(HEADERS, END_HEADERS | END_STREAM, trailers), reset]),
        );
      });
    });
    const { opened, call } = open(url, { limits: { streamWindowBytes: 120_000 } });
    await opened;
    // While our half is open, the reset counts.
    const giving = call("both", { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) });
    await new Promise((resolve) => setTimeout(resolve, 250));
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

describe("time", () => {
  test("a deadline that passes resets the call; the answer that comes later is nobody's", async () => {
    const server = await serve(() => {});
    const { opened, call, clock } = open(server.url);
    await opened;
    const late = call("get", {}, { timeoutMs: 100 });
    await expect.poll(() => server.sessions.length).toBe(1);
    clock.advance(120);
    expect(await late.outcome).toMatchObject({ code: "DEADLINE_EXCEEDED", executed: "maybe" });
    await expect.poll(() => server.resets).toEqual([constants.NGHTTP2_CANCEL]);
    expect(await call("get", {}, { timeoutMs: 0 }).outcome).toMatchObject({
      code: "DEADLINE_EXCEEDED",
      executed: "no",
    });
  });

  test("a server that answers slowly is asked whether it lives, and stays beyond suspicion", async () => {
    const server = await serve(() => {});
    const { opened, call, clock, events } = open(server.url);
    await opened;
    call("get");
    for (let n = 1; n <= 5; n++) {
      clock.advance(560);
      await expect.poll(() => server.probes()).toBe(n);
      // Its acknowledgement is here.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(events).toEqual(["ready"]);
  });

  test("one that is silent is suspected, cleared by a byte, and given up", async () => {
    let socket: Socket | undefined;
    const url = await serveBytes((accepted) => {
      socket = accepted;
      accepted.write(Buffer.concat([SETTINGS, ACK]));
    });
    const { opened, call, clock, events, closed, session } = open(url);
    await opened;
    const waiting = call("get");
    clock.advance(520);
    expect(session.suspected).toBe(false);
    clock.advance(1020);
    expect(events).toEqual(["ready", "suspect"]);
    expect(session.suspected).toBe(true);
    socket?.write(ACK);
    await new Promise((resolve) => setTimeout(resolve, 50));
    clock.advance(16);
    expect(events).toEqual(["ready", "suspect", "heard"]);
    clock.advance(31_000);
    expect(await waiting.outcome).toMatchObject({
      code: "UNAVAILABLE",
      executed: "maybe",
      message: expect.stringContaining("silent for too long"),
    });
    expect(await closed).toMatchObject({ code: "UNAVAILABLE" });
    expect(clock.timers).toBe(0);
  });
});

describe("limits", () => {
  test("no more streams than the server takes; the others wait, and may expire or be taken back", async () => {
    const streams: Parameters<Parameters<typeof serve>[0]>[0][] = [];
    const server = await serve((stream) => streams.push(stream), { maxConcurrentStreams: 2 });
    const { opened, call, session, clock } = open(server.url);
    await opened;
    const calls = [call("get"), call("get"), call("get", {}, { timeoutMs: 50 }), call("get"), call("get")];
    await expect.poll(() => streams.length).toBe(2);
    const waiting: unknown[] = [];
    session.eachWaiting((one) => waiting.push(one));
    expect(waiting).toEqual(calls.slice(2));
    clock.advance(64);
    expect(await calls[2]?.outcome).toMatchObject({ code: "DEADLINE_EXCEEDED", executed: "no" });
    session.cancel(calls[3] as never);
    answer(streams[0] as never, json(0));
    expect(await calls[0]?.outcome).toBe(0);
    await expect.poll(() => streams.length).toBe(3);
    answer(streams[2] as never, json(4));
    expect(await calls[4]?.outcome).toBe(4);
    expect(session.pending).toBe(1);
  });

  test("more unsent bytes than may wait: refused as never sent", async () => {
    const server = await serve((stream) => stream.pause());
    const { opened, call } = open(server.url, { limits: { maxUnsentBytes: 1_000_000 } });
    await opened;
    for (let n = 0; n < 4; n++) call("get", "x".repeat(600_000));
    expect(await call("get").outcome).toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      executed: "no",
      retry: "elsewhere",
    });
  });
});

describe("the end", () => {
  test("GOAWAY: what runs ends well, nothing new begins, what waits was never sent", async () => {
    const streams: Parameters<Parameters<typeof serve>[0]>[0][] = [];
    const server = await serve((stream) => streams.push(stream), { maxConcurrentStreams: 1 });
    const { opened, call, events, closed } = open(server.url);
    await opened;
    const [running, waiting] = [call("get"), call("get")];
    await expect.poll(() => streams.length).toBe(1);
    server.sessions[0]?.close();
    expect(await waiting.outcome).toMatchObject({ code: "UNAVAILABLE", executed: "no", retry: "elsewhere" });
    expect(events).toEqual(["ready", "draining"]);
    expect(await call("get").outcome).toMatchObject({
      executed: "no",
      retry: "elsewhere",
      message: expect.stringContaining("is draining"),
    });
    answer(streams[0] as never, json("done"));
    expect(await running.outcome).toBe("done");
    expect(await closed).toMatchObject({ message: "drained" });
  });

  test("GOAWAY below a call's id: it was not executed", async () => {
    const server = await serve((stream) => stream.session?.goaway(constants.NGHTTP2_NO_ERROR, 1));
    const { opened, call } = open(server.url);
    await opened;
    const [first, second] = [call("get"), call("get")];
    expect(await second.outcome).toMatchObject({ code: "UNAVAILABLE", executed: "no", retry: "elsewhere" });
    expect(first.ended).toBe(false);
  });

  test("GOAWAY with an error: above its last id not executed, below perhaps", async () => {
    let seen = 0;
    const server = await serve((stream) => {
      if (++seen === 2) stream.session?.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 1);
    });
    const { opened, call, closed } = open(server.url);
    await opened;
    const [first, second] = [call("get"), call("get")];
    expect(await first.outcome).toMatchObject({ code: "UNAVAILABLE", executed: "maybe", retry: "none" });
    expect(await second.outcome).toMatchObject({ code: "UNAVAILABLE", executed: "no", retry: "elsewhere" });
    expect((await closed).message).toMatch(/GOAWAY 11/);
  });

  test("a connection that is cut: calls perhaps, those that wait not", async () => {
    const server = await serve(() => server.cut(), { maxConcurrentStreams: 1 });
    const { opened, call, closed, events, clock } = open(server.url);
    await opened;
    const [running, waiting] = [call("get"), call("get")];
    expect(await running.outcome).toMatchObject({ code: "UNAVAILABLE", executed: "maybe", retry: "none" });
    expect(await waiting.outcome).toMatchObject({ code: "UNAVAILABLE", executed: "no", retry: "elsewhere" });
    await closed;
    expect(events).toEqual(["ready", "closed"]);
    expect(clock.timers).toBe(0);
  });

  test("closed by us: CANCELLED; drained by us: closed once the last call has ended", async () => {
    const streams: Parameters<Parameters<typeof serve>[0]>[0][] = [];
    const server = await serve((stream) => streams.push(stream));
    const one = open(server.url);
    await one.opened;
    const cancelled = one.call("get");
    one.session.close();
    expect(await cancelled.outcome).toMatchObject({ code: "CANCELLED", executed: "maybe" });
    const two = open(server.url);
    await two.opened;
    const last = two.call("get");
    two.session.drain();
    await expect.poll(() => streams.length).toBeGreaterThan(0);
    answer(streams.at(-1) as never, json("last"));
    expect(await last.outcome).toBe("last");
    expect(await two.closed).toMatchObject({ message: "drained" });
  });

  test("frames of any bytes: every call ends, once, and nothing is left", async () => {
    for (let seed = 1; seed <= 150; seed++) {
      let state = seed;
      const random = (below: number): number => {
        state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
        return Math.floor((state / 2_147_483_648) * below);
      };
      const url = await serveBytes((socket) => {
        socket.write(SETTINGS);
        socket.once("data", () => {
          const frames = Array.from({ length: 5 }, () => {
            const body = Buffer.from(Array.from({ length: random(40) }, () => random(256)));
            return Buffer.concat([
              Buffer.from([0, 0, body.length, random(11), random(256), 0, 0, 0, random(4)]),
              body,
            ]);
          });
          socket.end(Buffer.concat(frames));
        });
      });
      const { opened, closed, call, session, clock } = open(url);
      await Promise.race([opened, closed]);
      const calls = [call("get"), call("give"), call("take", [1, 2])];
      await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 10))]);
      // After some of them Node is deaf and says nothing: the silence is noticed.
      clock.advance(61_000);
      for (const one of calls) expect(await one.outcome).toMatchObject({ name: "RpcError" });
      clock.advance(60_000);
      await closed;
      expect(session.pending).toBe(0);
      expect(clock.timers).toBe(0);
    }
  }, 60_000);
});
