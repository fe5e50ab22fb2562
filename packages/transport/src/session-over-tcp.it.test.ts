import { createServer, silentLogger } from "@skein/core";
import { createClientSession } from "@skein/core/internal";
import { expect, test } from "vitest";
import { msgpack } from "../../codec/src/msgpack.ts";
import { define, RecordedCall } from "../../core/src/session/test/session-pair.ts";
import { createTcpTransport } from "./tcp.ts";
import { testRuntime } from "./test/runtime.ts";

const runtime = testRuntime();

test("a session over TCP: calls of all kinds of values, and one of three megabytes", async () => {
  const tcp = createTcpTransport({ runtime });
  const server = createServer({ runtime, logger: silentLogger, codecs: [msgpack] });
  server.add(define("user", { echo: (x) => x }), "i1");
  const listener = await tcp.listen("tcp://127.0.0.1:0", (c) => server.accept(c));
  const connection = await tcp.dial(listener.address, { timeoutMs: 10_000 });
  const session = await new Promise<ReturnType<typeof createClientSession>>((resolve, reject) => {
    const s = createClientSession({
      runtime,
      connection,
      codecs: [msgpack],
      service: "user",
      instance: "i1",
      events: { ready: () => resolve(s), suspect() {}, draining() {}, closed: reject },
    });
  });
  const call = async (x: unknown) => {
    const c = new RecordedCall(session.endpoints.get("echo") as never, x);
    session.start(c);
    return c.result();
  };
  for (const v of [
    1,
    "x",
    {
      a: [1, 2.5, null, undefined, new Date(5)],
      b: new Uint8Array([1, 2]),
      c: 12345678901234n,
      d: new Float32Array([1.5, 2]),
    },
    "x".repeat(3_000_000),
  ])
    expect(await call(v)).toEqual(v);
  await server.drain();
  session.close();
  await listener.close();
});
