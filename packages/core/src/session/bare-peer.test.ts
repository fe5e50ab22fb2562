import { describe, expect, test } from "vitest";
import type { ServiceDefinition } from "../endpoint.ts";
import * as wire from "../protocol/frame.ts";
import { silentLogger } from "../runtime.ts";
import { createServer, type Server, type ServerOptions } from "../server/server.ts";
import { createFakeRuntime, type FakeRuntime, settle } from "../testing/fake-clock.ts";
import { plainJsonCodec } from "../testing/json-codec.ts";
import { createLink, type Link, type LinkOptions } from "../testing/link.ts";
import { createClientSession } from "./client-session.ts";
import type { ClientSession } from "./client-session-types.ts";
import { BarePeer } from "./test/bare-peer.ts";
import { define, RecordedCall } from "./test/session-pair.ts";

const VERSIONS = wire.PROTOCOL_VERSION | (wire.PROTOCOL_VERSION << 16);
const ID = 1 << 20;

interface Served {
  readonly runtime: FakeRuntime;
  readonly link: Link;
  readonly server: Server;
  readonly peer: BarePeer;
}
/** A server, and a client that keeps to nothing but HELLO. */
async function serve(
  service: ServiceDefinition,
  hello: { maxMessageBytes?: number; streamWindowBytes?: number } = {},
  given: { server?: Partial<ServerOptions>; link?: Partial<LinkOptions> } = {},
): Promise<Served> {
  const runtime = createFakeRuntime();
  const server = createServer({ runtime, logger: silentLogger, codecs: [plainJsonCodec], ...given.server });
  server.add(service, "instance-1");
  const link = createLink({ runtime, ...given.link });
  const peer = new BarePeer(link.client);
  server.accept(link.server);
  peer.writer.json(wire.HELLO, 0, VERSIONS, {
    service: service.name,
    codecs: [plainJsonCodec.contentType],
    maxMessageBytes: 1_000_000,
    streamWindowBytes: 1_000_000,
    ...hello,
  });
  await settle();
  expect(peer.of(wire.HELLO)).toHaveLength(1);
  return { runtime, link, server, peer };
}

interface Asked {
  readonly runtime: FakeRuntime;
  readonly session: ClientSession;
  readonly peer: BarePeer;
  readonly call: RecordedCall;
}
/** A client with a call under way, and a server that keeps to nothing but HELLO. */
async function ask(kind: "unary" | "server-stream" | "client-stream", input?: unknown): Promise<Asked> {
  const runtime = createFakeRuntime();
  const link = createLink({ runtime });
  const peer = new BarePeer(link.server);
  const session = createClientSession({
    runtime,
    connection: link.client,
    codecs: [plainJsonCodec],
    service: "user",
    instance: undefined,
    events: { ready() {}, suspect() {}, draining() {}, closed() {} },
  });
  peer.writer.json(wire.HELLO, 0, VERSIONS, {
    service: "user",
    version: "1.0.0",
    instance: "instance-1",
    codec: plainJsonCodec.contentType,
    maxMessageBytes: 1_000_000,
    maxCalls: 10,
    streamWindowBytes: 1_000_000,
    endpoints: [{ id: 0, name: "get", kind, idempotent: true, priority: "normal" }],
  });
  await settle();
  const endpoint = session.endpoints.get("get");
  if (endpoint === undefined) throw new Error("no endpoint");
  const call = new RecordedCall(endpoint, input);
  session.start(call);
  await settle();
  return { runtime, session, peer, call };
}

test("a server that is given up is told so of each call, before the end: it may read them when it comes back", async () => {
  const { runtime, peer, call } = await ask("unary", { id: "1" });
  await runtime.clock.advanceAsync(31_000);
  expect(call.error).toMatchObject({ code: "UNAVAILABLE", executed: "maybe" });
  expect(peer.of(wire.CANCEL).map((f) => f.stream)).toEqual([peer.of(wire.CALL)[0]?.stream]);
  expect(peer.closed).toBe(true);
});

describe("a client's call ends once, whatever the server sends for it", () => {
  test.each([
    ["ERROR with an unknown code", (p: BarePeer) => p.writer.bare(wire.ERROR, 0, ID, 99, 0)],
    ["ERROR with an unknown outcome", (p: BarePeer) => p.writer.bare(wire.ERROR, 0, ID, 13, 3)],
    ["RESULT with metadata cut short", (p: BarePeer) => p.writer.bare(wire.RESULT, wire.META, ID, 0, 0)],
  ])("%s", async (_, answer) => {
    const { session, peer, call } = await ask("unary");
    answer(peer);
    await settle();
    expect(session.state).toBe("closed");
    expect(call.ends).toBe(1);
    expect(call.error).toMatchObject({ code: "UNAVAILABLE", executed: "maybe", retry: "none" });
  });

  test("the end of a stream of items may carry a value", async () => {
    const { peer, call } = await ask("server-stream");
    peer.writer.value(wire.RESULT, 0, ID, 0, 0, "over");
    await settle();
    expect(call.ends).toBe(1);
    expect(call.items?.done).toBe(true);
  });

  test("an input that is no stream where a stream is taken", async () => {
    const { session, peer, call } = await ask("client-stream", 5);
    expect(call.ends).toBe(1);
    expect(call.error).toMatchObject({ code: "INVALID_ARGUMENT", retry: "none" });
    expect(session.pending).toBe(0);
    expect(session.state).toBe("open");
    expect(peer.of(wire.CANCEL)).toHaveLength(1);
  });
});

describe("a server lives on, whatever a client says", () => {
  test("a client that takes messages of one byte gets errors without words", async () => {
    const { server, peer } = await serve(define("user", { get: () => "long", fail: () => fail() }), {
      maxMessageBytes: 1,
    });
    peer.writer.bare(wire.CALL, wire.END, ID, 0, 0);
    peer.writer.bare(wire.CALL, wire.END, ID + 1, 1, 0);
    peer.writer.bare(wire.CALL, wire.END, ID + 2, 77, 0);
    await settle();
    expect(peer.of(wire.ERROR).map((f) => [f.stream, f.method, f.last, f.bytes])).toEqual([
      [ID + 2, 12, 0, 16],
      [ID, 8, 2, 16],
      [ID + 1, 13, 2, 16],
    ]);
    expect(server.running).toBe(0);
    expect(peer.closed).toBe(false);
  });

  test("an item that cannot be decoded ends its call, not the connection", async () => {
    let reason: unknown;
    const { server, peer } = await serve(
      define("user", {
        sum: {
          kind: "client-stream",
          handler: async (input) => {
            try {
              for await (const _ of input as AsyncIterable<unknown>);
            } catch (error) {
              reason = error;
            }
          },
        },
        get: () => 1,
      }),
    );
    peer.writer.bare(wire.CALL, 0, ID, 0, 0);
    await settle();
    peer.writer.codec = { ...plainJsonCodec.create({ maxDepth: 1, maxValues: 1 }), encodeInto: raw("{") };
    peer.writer.value(wire.DATA, 0, ID, 0, 0, "");
    peer.writer.bare(wire.CALL, wire.END, ID + 1, 1, 0);
    await settle();
    expect(peer.of(wire.ERROR).map((f) => [f.stream, f.method, f.last])).toEqual([[ID, 3, 1]]);
    expect(String(reason)).toContain("an item could not be decoded");
    expect(peer.of(wire.RESULT).map((f) => f.stream)).toEqual([ID + 1]);
    expect(server.running).toBe(0);
    expect(peer.closed).toBe(false);
  });

  test("CREDIT from a client that does not read makes nothing wait twice", async () => {
    const { link, peer } = await serve(
      define("user", {
        forever: {
          kind: "server-stream",
          handler: async function* () {
            for (;;) yield "x".repeat(1000);
          },
        },
      }),
      {},
      { link: { highWaterBytes: 2000, automatic: true } },
    );
    let waits = 0;
    const wait = link.server.whenWritable.bind(link.server);
    link.server.whenWritable = (callback) => {
      waits++;
      wait(callback);
    };
    peer.writer.bare(wire.CALL, wire.END, ID, 0, 0);
    link.deliver("server");
    link.frozen = true;
    await settle();
    const before = waits;
    expect(before).toBeGreaterThan(0);
    for (let i = 0; i < 100; i++) peer.writer.bare(wire.CREDIT, 0, ID, 0, 1);
    link.deliver("server");
    await settle();
    expect(waits).toBe(before);
  });
});

describe("a server lives on, whatever its handlers return", () => {
  const broken = (): never => {
    throw new Error("broken");
  };
  const getter = (key: PropertyKey): object => Object.defineProperty({}, key, { get: broken });
  test.each([
    ["an iterable that cannot be opened", () => ({ [Symbol.asyncIterator]: broken })],
    ["one whose iterator cannot be asked for", () => getter(Symbol.asyncIterator)],
    ["a promise that cannot be asked for its then", () => getter("then")],
    ["an iterator that is nothing", () => ({ [Symbol.asyncIterator]: () => undefined })],
    ["an iterator whose next() gives nothing", () => ({ [Symbol.iterator]: () => ({ next() {} }) })],
    [
      "an iterator whose next() gives nothing later",
      () => ({ [Symbol.asyncIterator]: () => ({ next: async () => {} }) }),
    ],
    [
      "an iterator whose items cannot be read",
      () => ({ [Symbol.asyncIterator]: () => ({ next: async () => getter("done") }) }),
    ],
  ])("%s", async (_, give) => {
    for (const later of [false, true]) {
      const { server, peer } = await serve(
        define("user", {
          items: { kind: "server-stream", handler: () => (later ? wrap(give()) : give()) },
          get: () => 1,
        }),
      );
      peer.writer.bare(wire.CALL, wire.END, ID, 0, 0);
      await settle();
      peer.writer.bare(wire.CALL, wire.END, ID + 1, 1, 0);
      await settle();
      expect(peer.of(wire.ERROR).map((f) => [f.stream, f.method, f.last])).toEqual([[ID, 13, 2]]);
      expect(peer.of(wire.RESULT).map((f) => f.stream)).toEqual([ID + 1]);
      expect(server.running).toBe(0);
    }
  });

  test("what is returned after CANCEL and cannot be closed", async () => {
    let give!: (value: unknown) => void;
    const { server, peer } = await serve(
      define("user", {
        items: {
          kind: "server-stream",
          handler: () =>
            new Promise((resolve) => {
              give = resolve;
            }),
        },
      }),
    );
    peer.writer.bare(wire.CALL, wire.END, ID, 0, 0);
    await settle();
    peer.writer.bare(wire.CANCEL, 0, ID, 0, 0);
    await settle();
    expect(server.running).toBe(1);
    give({ return: broken });
    await settle();
    expect(server.running).toBe(0);
    expect(peer.seen.map((f) => f.type)).toEqual([wire.HELLO]);
  });
});

test("a batch over the limit leaves item by item, within the credit", async () => {
  const runtime = createFakeRuntime();
  /** As process.nextTick beside promise jobs: later than many of them, so that batches grow. */
  const defer = (fn: () => void): void => void settle().then(fn);
  const { peer, server } = await serve(
    define("user", {
      items: {
        kind: "server-stream",
        handler: function* () {
          for (let i = 0; i < 200; i++) yield i;
          for (let i = 0; i < 40; i++) yield "x".repeat(400);
        },
      },
    }),
    { maxMessageBytes: 1000, streamWindowBytes: 1500 },
    { server: { runtime: { ...runtime, defer } } },
  );
  peer.writer.bare(wire.CALL, wire.END, ID, 0, 0);
  let credit = 1500;
  let read = 0;
  let sizes: number[] = [];
  for (let turn = 0; turn < 100 && peer.of(wire.RESULT).length === 0; turn++) {
    for (let i = 0; i < 4; i++) await settle();
    const came = peer.of(wire.DATA).slice(read);
    read += came.length;
    sizes = sizes.concat(came.map((f) => f.bytes));
    for (const { bytes } of came) {
      expect(credit).toBeGreaterThan(0);
      credit -= bytes;
    }
    const taken = came.reduce((sum, f) => sum + f.bytes, 0);
    credit += taken;
    if (taken > 0) peer.writer.bare(wire.CREDIT, 0, ID, 0, taken);
  }
  expect(peer.of(wire.RESULT)).toHaveLength(1);
  // Batches there were, and each of the long items came alone or beside one other.
  expect(sizes.some((bytes) => bytes > 18 && bytes < 400)).toBe(true);
  expect(sizes.filter((bytes) => bytes === 418).length).toBeGreaterThan(10);
  expect(server.running).toBe(0);
});

test("a service removed twice at once takes no other with it", async () => {
  const { server, link } = await serve(define("user", { get: () => 1 }));
  link.client.close();
  server.add(define("order", { get: () => 1 }), "instance-2");
  const gone = [server.remove("user"), server.remove("user")];
  await Promise.all(gone);
  expect(new Set(server.report().map((r) => r.service))).toEqual(new Set(["order"]));
});

function fail(): never {
  throw new Error("failed");
}
/** A promise of the very object, which may itself be no promise. */
async function wrap(value: unknown): Promise<unknown> {
  return value;
}
/** A codec's encodeInto that writes these characters, whatever the value. */
function raw(text: string): (value: unknown, w: { bytes: Uint8Array; position: number }) => undefined {
  return (_, w) => {
    for (const c of text) w.bytes[w.position++] = c.charCodeAt(0);
  };
}
