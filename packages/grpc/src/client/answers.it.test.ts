import { constants } from "node:http2";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import { frame } from "../messages.ts";
import { answer, json, useSessions } from "./test/harness.ts";

const { serve, open } = useSessions(afterEach);

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
