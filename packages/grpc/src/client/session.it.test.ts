import { constants } from "node:http2";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { answer, json, SETTINGS, SETTINGS_ACK, useSessions } from "./test/harness.ts";

const { serve, serveBytes, open } = useSessions(afterEach);

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
      accepted.write(Buffer.concat([SETTINGS, SETTINGS_ACK]));
    });
    const { opened, call, clock, events, closed } = open(url);
    await opened;
    const waiting = call("get");
    clock.advance(520);
    expect(events).toEqual(["ready"]);
    clock.advance(1020);
    expect(events).toEqual(["ready", "suspect"]);
    socket?.write(SETTINGS_ACK);
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
