import { once } from "node:events";
import type { Socket } from "node:net";
import type { Door } from "@skein/core";
import { FakeClock } from "@skein/core/testing";
import { expect, test } from "vitest";
import { createTcpTransport } from "./tcp.ts";
import { certificates } from "./test/certificates.ts";
import { everything, frame, Log, listening, plainServer, preface, refusal } from "./test/raw.ts";
import { testRuntime } from "./test/runtime.ts";

const runtime = testRuntime();
const tcp = createTcpTransport({ runtime });
/** Lets what was sent arrive and be handled. */
const turns = async (n = 20): Promise<void> => {
  for (let i = 0; i < n; i++) await new Promise((resolve) => setImmediate(resolve));
};
/** As turns(), for as long as it takes; the test's own timeout is the limit. */
const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await turns(1);
};

test("a peer that sends byte by byte", async () => {
  await using it = await listening(tcp);
  const socket = await it.raw();
  const stream = Buffer.concat([preface, frame(3, 1), frame(0, 2), frame(40, 3)]);
  for (const byte of stream) {
    socket.write(Buffer.of(byte));
    await turns(2);
  }
  const { log } = await it.accepted();
  await log.received(3);
  expect(log.frames.map((bytes) => bytes.length)).toEqual([19, 16, 56]);
});

test("the preface and frames in one piece, and our preface in return", async () => {
  await using it = await listening(tcp);
  const socket = await it.raw();
  socket.write(Buffer.concat([preface, frame(3, 1), frame(5, 2)]));
  const { connection, log } = await it.accepted();
  await log.received(2);
  const sent = everything(socket);
  connection.close();
  expect(await sent).toEqual(preface);
});

test.each<[string, Buffer]>([
  ["HTTP", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
  ["a preface that a terminal has changed", Buffer.from([...preface.subarray(0, 6), 0x0a, 0x0d, 0x0a])],
  ["TLS", Buffer.from("16030100c8010000c40303aa", "hex")],
  ["a single byte", Buffer.of(0)],
])("first bytes that fit nothing: %s", async (_what, bytes) => {
  const told: [string, Uint8Array][] = [];
  await using it = await listening(tcp, { onUnknown: (remote, first) => told.push([remote, first]) });
  const socket = await it.raw();
  const { localPort } = socket;
  socket.write(bytes);
  await once(socket, "close");
  expect(told).toEqual([[`127.0.0.1:${localPort}`, bytes.subarray(0, 16)]]);
});

test("a peer that says nothing, or half a preface, is closed in time", async () => {
  const clock = new FakeClock();
  const told: number[] = [];
  const transport = createTcpTransport({ runtime: testRuntime(clock) });
  await using it = await listening(transport, { onUnknown: (_remote, first) => told.push(first.length) });
  const [silent, half] = [await it.raw(), await it.raw()];
  half.write(preface.subarray(0, 5));
  await until(() => clock.timers === 2);
  await turns();
  clock.advance(1000);
  await Promise.all([once(silent, "close"), once(half, "close")]);
  expect(told).toEqual([5]);
  expect(clock.timers).toBe(0);
});

test("doors are asked in order, and get the bytes as they came", async () => {
  const taken: [string, string][] = [];
  const door = (name: string, word: string): Door => ({
    name,
    matches: (first) => {
      const text = Buffer.from(first).toString();
      if (text.startsWith(word)) return "yes";
      return word.startsWith(text) ? "more" : "no";
    },
    accept(socket) {
      expect((socket as Socket).isPaused()).toBe(true);
      (socket as Socket).on("data", (chunk: Buffer) => taken.push([name, chunk.toString()])).resume();
    },
    close: async () => {},
  });
  const clock = new FakeClock();
  const transport = createTcpTransport({ runtime: testRuntime(clock) });
  await using it = await listening(transport, {
    doors: [door("a", "GET "), door("b", "GE"), door("c", "{")],
  });
  const whole = await it.raw();
  whole.write("GET /health");
  const split = await it.raw();
  for (const byte of "GET /x") {
    split.write(byte);
    await turns();
  }
  const other = await it.raw();
  other.write('{"id":1}');
  await until(() => taken.some(([name]) => name === "c"));
  expect(
    taken
      .filter(([name]) => name === "a")
      .map(([, text]) => text)
      .join(""),
  ).toBe("GET /healthGET /x");
  expect(taken.filter(([name]) => name !== "a")).toEqual([["c", '{"id":1}']]);
  expect(clock.timers).toBe(0);
});

test("a peer's FIN: what was committed still leaves; within a frame it is an error", async () => {
  await using it = await listening(tcp);
  const socket = await it.raw();
  socket.write(preface);
  const { connection, log } = await it.accepted();
  const w = connection.reserve(32);
  w.view.setUint32(w.position, 20, true);
  w.bytes.fill(9, w.position + 4, w.position + 20);
  w.position += 20;
  const sent = everything(socket);
  connection.commit();
  socket.end();
  expect(await log.ended).toBeUndefined();
  expect((await sent).toString("hex")).toBe(`${preface.toString("hex")}14000000${"09".repeat(16)}00000000`);

  const cut = await it.raw();
  cut.end(Buffer.concat([preface, frame(40, 1).subarray(0, 30)]));
  const second = await it.accepted();
  expect((await second.log.ended)?.message).toMatch(
    /^127\.0\.0\.1:\d+ closed the connection within a frame$/,
  );
  expect(second.log.closures).toBe(1);
});

test("a reset is an error that names the peer", async () => {
  await using it = await listening(tcp);
  const socket = await it.raw();
  socket.write(Buffer.concat([preface, frame(0, 1)]));
  const { log } = await it.accepted();
  await log.received(1);
  socket.resetAndDestroy();
  const error = (await log.ended) as Error & { code?: string };
  expect(error.message).toMatch(/^127\.0\.0\.1:\d+ reset the connection$/);
  expect(error.code).toBe("ECONNRESET");
});

test.each([
  ["a length of 15", 15, "a frame of 15 bytes: at least 16"],
  ["a length of 4 GiB", 0xffff_ffff, "a frame of 4294967295 bytes: at most"],
])("%s", async (_what, length, message) => {
  await using it = await listening(tcp);
  const socket = await it.raw();
  const bytes = frame(0, 1);
  bytes.writeUInt32LE(length, 0);
  socket.write(Buffer.concat([preface, frame(0, 1), bytes]));
  const { log } = await it.accepted();
  expect((await log.ended)?.message).toContain(message);
  expect(log.frames.length).toBe(1);
});

test("a frame that drips ends the connection; one that makes headway has 10 s", async () => {
  const clock = new FakeClock();
  const transport = createTcpTransport({ runtime: testRuntime(clock) });
  await using it = await listening(transport);
  const [drips, comes, whole] = [await it.raw(), await it.raw(), await it.raw()];
  const logs: Log[] = [];
  for (const socket of [drips, comes, whole]) {
    socket.write(preface);
    logs.push((await it.accepted()).log);
  }
  drips.write(frame(9000, 1).subarray(0, 20));
  comes.write(frame(90_000, 1).subarray(0, 20_000));
  whole.write(Buffer.concat([frame(100, 1), frame(100, 2).subarray(0, 3)]));
  await until(() => clock.timers === 3);
  whole.write(frame(100, 2).subarray(3));
  await turns();
  clock.advance(5000);
  expect((await logs[0]?.ended)?.message).toBe("a frame made less than 1024 bytes a second");
  await turns();
  clock.advance(5000);
  expect((await logs[1]?.ended)?.message).toBe("a frame was not whole within 10000 ms");
  await turns();
  expect([logs[2]?.frames.length, logs[2]?.closures, clock.timers]).toEqual([2, 0, 0]);
});

test("close() towards a peer that never reads ends after a grace; nothing is left", async () => {
  const clock = new FakeClock();
  const transport = createTcpTransport({ runtime: testRuntime(clock) });
  await using it = await listening(transport);
  const socket = await it.raw();
  socket.pause();
  socket.write(preface);
  const { connection, log } = await it.accepted();
  for (let i = 0; i < 40; i++) {
    const w = connection.reserve(16);
    w.view.setUint32(w.position, 16 + 1_000_000, true);
    w.position += 16;
    connection.commitWith(new Uint8Array(1_000_000));
    await turns(2);
  }
  expect(connection.bufferedBytes).toBeGreaterThan(10_000_000);
  connection.close();
  await turns();
  expect([log.closures, clock.timers]).toEqual([0, 1]);
  clock.advance(1000);
  await log.ended;
  expect([log.closures, clock.timers]).toEqual([1, 0]);
});

test("closing a listener ends those that have not said what they want, and no other", async () => {
  for (const tls of [undefined, certificates.server]) {
    const clock = new FakeClock();
    const transport = createTcpTransport({ runtime: testRuntime(clock), tls });
    await using it = await listening(transport);
    const undecided = await it.raw();
    const dialled = await transport.dial(it.listener.address, { timeoutMs: 5000 });
    const log = new Log();
    dialled.open(log);
    const { log: other } = await it.accepted();
    const closed = once(undecided, "close");
    await it.listener.close();
    undecided.resume();
    await closed;
    await turns();
    expect([log.closures, other.closures]).toEqual([0, 0]);
    dialled.close();
    expect([await log.ended, await other.ended]).toEqual([undefined, undefined]);
    expect(clock.timers).toBe(0);
  }
});

test("dialling what is not ours", async () => {
  await using http = await plainServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  const connection = await tcp.dial(http.address, { timeoutMs: 10_000 });
  const log = new Log();
  connection.open(log);
  expect((await log.ended)?.message).toBe(
    `${http.address} does not speak the session protocol: something else listens there`,
  );
});

test("dialling what does not answer is given up in time, or when the caller says so", async () => {
  const clock = new FakeClock();
  const transport = createTcpTransport({ runtime: testRuntime(clock), tls: certificates.anonymous });
  const { promise: arrived, resolve: arrive } = withResolvers();
  await using silent = await plainServer(() => arrive());
  const late = refusal(transport.dial(silent.address, { timeoutMs: 300 }));
  await arrived;
  clock.advance(300);
  const error = await late;
  expect([error.message, error.code]).toEqual([`${silent.address} did not answer in time`, "ETIMEDOUT"]);
  const controller = new AbortController();
  const aborted = refusal(transport.dial(silent.address, { timeoutMs: 300, signal: controller.signal }));
  controller.abort(new Error("not wanted any more"));
  expect((await aborted).message).toBe(`${silent.address}: not wanted any more`);
  expect(clock.timers).toBe(0);
});

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
