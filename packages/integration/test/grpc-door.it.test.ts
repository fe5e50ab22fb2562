import { once } from "node:events";
import { constants } from "node:http2";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { gzipSync } from "node:zlib";
import { Client, credentials, type ServiceError, status } from "@grpc/grpc-js";
import { Rpc, Service } from "skein";
import { describe, expect, test } from "vitest";
import { certificates } from "../../transport/src/test/certificates.ts";
import { DeskService, decode, encode, framed, raw, unary, useGrpc } from "./grpc-world.ts";

const world = useGrpc();

@Service("order-item", { version: "1.0.0" })
class OrderItemService {
  @Rpc() async add(): Promise<string> {
    return "added";
  }
}

describe("a service without a .proto, by grpc-js with JSON", () => {
  test.each(["/desk/greet", "/desk.Desk/Greet", "/Desk/Greet", "/acme.v1.DeskService/Greet"])(
    "unary at %s",
    async (path) => {
      const client = world.client(await world.start([new DeskService()]));
      expect(await unary(client, path, { name: "Ann" })).toEqual({ text: "Hello, Ann" });
    },
  );

  test("the three kinds of streams, with backpressure", async () => {
    const client = world.client(await world.start([new DeskService()]));
    const many: unknown[] = [];
    for await (const item of client.makeServerStreamRequest("/desk/count", encode, decode, { to: 20_000 }))
      many.push(item);
    expect(many).toHaveLength(20_000);
    expect(many.at(-1)).toEqual({ n: 20_000 });
    const sum = await new Promise((resolve, reject) => {
      const call = client.makeClientStreamRequest("/desk/sum", encode, decode, (error, value) =>
        error === null ? resolve(value) : reject(error),
      );
      for (let n = 1; n <= 100; n++) call.write({ n });
      call.end();
    });
    expect(sum).toEqual({ sum: 5050 });
    const bidi = client.makeBidiStreamRequest("/desk/echo", encode, decode);
    const answers = bidi[Symbol.asyncIterator]();
    for (const n of [1, 2]) {
      bidi.write({ n });
      expect((await answers.next()).value).toEqual({ echo: { n } });
    }
    bidi.end();
    expect(await answers.next()).toMatchObject({ done: true });
  });

  test("deadline, metadata and peer are the call's own", async () => {
    const client = world.client(await world.start([new DeskService()]));
    const about = (await unary(
      client,
      "/desk/about",
      {},
      { deadlineMs: 15_000, metadata: { "x-tenant": "acme" } },
    )) as {
      peer: string;
      left: number;
      metadata: object;
    };
    expect(about.peer).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(about.left).toBeGreaterThan(10_000);
    expect(about.left).toBeLessThanOrEqual(15_000);
    expect(about.metadata).toEqual({ "x-tenant": "acme" });
  });

  test("a deadline that passes and a cancelled call abort the handler", async () => {
    const desk = new DeskService();
    const client = world.client(await world.start([desk]));
    await unary(client, "/desk/greet", { name: "warm" });
    await expect(unary(client, "/desk/wait", { ms: 9000 }, { deadlineMs: 1000 })).rejects.toMatchObject({
      code: status.DEADLINE_EXCEEDED,
    });
    await expect.poll(() => desk.aborted.length).toBe(1);
    const call = unary(client, "/desk/wait", { ms: 9000 });
    await expect.poll(() => desk.running).toBe(2);
    call.cancel();
    await expect(call).rejects.toMatchObject({ code: status.CANCELLED });
    await expect.poll(() => desk.aborted.length).toBe(2);
    const stream = client.makeServerStreamRequest("/desk/count", encode, decode, { to: 1e9 });
    stream.on("error", () => {});
    await once(stream, "data");
    stream.cancel();
    await expect.poll(() => desk.aborted.length).toBe(3);
  });

  test("an error is its status, with details", async () => {
    const client = world.client(await world.start([new DeskService()]));
    const error = (await unary(client, "/desk/fail", {}).catch((e) => e)) as ServiceError;
    expect(error).toMatchObject({ code: status.FAILED_PRECONDITION, details: "no: 100 % nö" });
    const [details] = error.metadata.get("grpc-status-details-bin") as Buffer[];
    const text = details?.toString("latin1") ?? "";
    expect(text).toContain("type.googleapis.com/google.rpc.ErrorInfo");
    expect(text).toContain("DESK_SHUT");
    expect(text).toContain("type.googleapis.com/google.protobuf.Value");
    expect(text).toContain("until");
  });

  test("what is not there is UNIMPLEMENTED and names what is near", async () => {
    const client = world.client(await world.start([new DeskService()]));
    await expect(unary(client, "/desk/great", {})).rejects.toMatchObject({
      code: status.UNIMPLEMENTED,
      details: "nothing is served at /desk/great; did you mean Desk.Greet?",
    });
  });

  test("a service that comes later is found on the same connection, and one that leaves is not", async () => {
    const app = await world.start([new DeskService()]);
    const client = world.client(app);
    await expect(unary(client, "/order_item.OrderItem/Add", {})).rejects.toMatchObject({ code: 12 });
    await app.add(new OrderItemService());
    expect(await unary(client, "/order_item.OrderItem/Add", {})).toBe("added");
    await app.remove("order-item");
    const gone = await unary(client, "/order_item.OrderItem/Add", {}).catch((error) => error.code);
    expect([status.UNAVAILABLE, status.NOT_FOUND, status.UNIMPLEMENTED]).toContain(gone);
  });

  test("authorization is what authenticate is asked with", async () => {
    const client = world.client(
      await world.start([new DeskService()], { authenticate: (given) => given === "key" }),
    );
    await expect(unary(client, "/desk/greet", {})).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
    const metadata = { authorization: "Bearer key" };
    expect(await unary(client, "/desk/greet", { name: "Bo" }, { metadata })).toEqual({ text: "Hello, Bo" });
  });
});

test("over TLS, by ALPN, and HTTP/1.1 beside it", async () => {
  const app = await world.start([new DeskService()], { tls: certificates.server, selfDial: "off" });
  const { host, port } = new URL(app.address);
  const ca = Buffer.from(certificates.server.ca);
  const client = new Client(host, credentials.createSsl(ca));
  world.cleanup(() => client.close());
  expect(await unary(client, "/desk/greet", { name: "Ann" })).toEqual({ text: "Hello, Ann" });
  for (const [offered, chosen] of [
    [["h2"], "h2"],
    [["h2", "http/1.1"], "http/1.1"],
  ] as const) {
    const socket = connectTls({
      port: Number(port),
      servername: "localhost",
      ca,
      ALPNProtocols: [...offered],
    });
    await once(socket, "secureConnect");
    expect(socket.alpnProtocol).toBe(chosen);
    socket.destroy();
  }
});

describe("by hand", () => {
  test("application/grpc+json is answered in kind, compressed messages are read", async () => {
    const session = world.session(await world.start([new DeskService()]));
    const message = framed(gzipSync('{"name":"Zip"}'), 1);
    const { headers, trailers, body } = await raw(session, "/desk/greet", message, {
      "grpc-encoding": "gzip",
    });
    expect(headers).toMatchObject({ ":status": 200, "content-type": "application/grpc+json" });
    expect(trailers).toMatchObject({ "grpc-status": "0" });
    expect(body).toEqual(framed('{"text":"Hello, Zip"}'));
  });

  test("a google.protobuf.Value is answered by one", async () => {
    const session = world.session(await world.start([new DeskService()]));
    // {"name":"V"}
    const value = Buffer.from([
      0x2a,
      0x0d,
      0x0a,
      0x0b,
      0x0a,
      4,
      ...Buffer.from("name"),
      0x12,
      3,
      0x1a,
      1,
      0x56,
    ]);
    const { body } = await raw(session, "/desk/greet", framed(value), { "content-type": "application/grpc" });
    expect(body.subarray(5, 7)).toEqual(Buffer.from([0x2a, body.length - 7]));
    expect(body.toString("latin1")).toContain("Hello, V");
  });

  test.each([
    ["no message", Buffer.alloc(0), {}, "3", "the request has no message: send one"],
    ["no JSON", framed("{"), {}, "3", "a message is no JSON"],
    ["half a message", framed("{}").subarray(0, 6), {}, "13", "the request ended within a message"],
    ["too long", framed(Buffer.alloc(201)), {}, "8", /^a message of 201 bytes or more came: at most 200/],
    [
      "a bomb",
      framed(gzipSync(Buffer.alloc(1e5)), 1),
      { "grpc-encoding": "gzip" },
      "8",
      /^a message of 201 bytes/,
    ],
    [
      "unknown compression",
      framed("{}", 1),
      { "grpc-encoding": "lzw" },
      "12",
      /^grpc-encoding is lzw: use identity/,
    ],
    ["no time", framed("{}"), { "grpc-timeout": "1 h" }, "3", /^grpc-timeout is "1 h": give/],
  ])("refused: %s", async (_, body, headers, code, message) => {
    const session = world.session(await world.start([new DeskService()], { grpc: { maxMessageBytes: 200 } }));
    const answer = await raw(session, "/desk/greet", body, headers);
    expect(answer.headers["grpc-status"]).toBe(code);
    const said = decodeURIComponent(String(answer.headers["grpc-message"]));
    if (typeof message === "string") expect(said).toBe(message);
    else expect(said).toMatch(message);
    expect((await raw(session, "/desk/greet", framed('{"name":"x"}'))).trailers["grpc-status"]).toBe("0");
  });

  test("a wrong message in a stream ends the call with what was wrong", async () => {
    const session = world.session(await world.start([new DeskService()]));
    const { headers } = await raw(session, "/desk/sum", Buffer.concat([framed('{"n":1}'), framed("{")]));
    expect(headers).toMatchObject({ "grpc-status": "3", "grpc-message": "a message is no JSON" });
  });

  test("what is not gRPC is said in HTTP's words", async () => {
    const session = world.session(await world.start([new DeskService()]));
    const { headers } = await raw(session, "/desk/greet", framed("{}"), { "content-type": "text/html" });
    expect(headers[":status"]).toBe(415);
  });

  test("garbage behind the preface closes the connection, and no other", async () => {
    const app = await world.start([new DeskService()]);
    const session = world.session(app);
    const socket = connect(Number(new URL(app.address).port), "127.0.0.1");
    socket.write(`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${"x".repeat(1000)}`);
    socket.resume();
    await once(socket, "close");
    expect((await raw(session, "/desk/greet", framed('{"name":"x"}'))).trailers["grpc-status"]).toBe("0");
  });
});

describe("drain", () => {
  test("GOAWAY at once, what runs is finished, then the connection closes", async () => {
    const desk = new DeskService();
    const app = await world.start([desk]);
    const session = world.session(app);
    const answer = raw(session, "/desk/wait", framed('{"ms":3000}'));
    await expect.poll(() => desk.running).toBe(1);
    const goaway = once(session, "goaway");
    const began = performance.now();
    const closed = app.close();
    expect((await goaway)[0]).toBe(0);
    expect(performance.now() - began).toBeLessThan(2500);
    expect((await answer).body.toString()).toContain("waited");
    await closed;
    if (!session.destroyed) await once(session, "close");
  });

  test("a call that comes too late is refused as not processed", async () => {
    const desk = new DeskService();
    const app = await world.start([desk]);
    const session = world.session(app);
    const running = raw(session, "/desk/wait", framed('{"ms":2000}'));
    await expect.poll(() => desk.running).toBe(1);
    const closed = app.close();
    const outcomes: string[] = [];
    while (!session.closed && outcomes.at(-1) !== "refused") {
      const stream = session.request({
        ":method": "POST",
        ":path": "/desk/greet",
        "content-type": "application/grpc+json",
      });
      stream.on("error", () => {});
      stream.on("response", (headers) => outcomes.push(`status ${headers["grpc-status"] ?? "0"}`));
      stream.end(framed('{"name":"x"}'));
      stream.resume();
      await new Promise((resolve) => stream.once("close", resolve));
      if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) outcomes.push("refused");
    }
    // A peer's library tries again what was refused: none of them may be answered with an error.
    expect(outcomes.filter((outcome) => outcome !== "refused" && outcome !== "status 0")).toEqual([]);
    expect(outcomes.at(-1)).toBe("refused");
    expect((await running).trailers["grpc-status"]).toBe("0");
    await closed;
  });
});
