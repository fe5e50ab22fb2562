import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import type { DoorHost } from "@skein/core";
import { silentLogger } from "@skein/core";
import { FakeClock } from "@skein/core/testing";
import { afterEach, expect, test } from "vitest";
import { openDoorPort } from "../../http/src/test/door-port.ts";
import { type GrpcDoorOptions, grpcDoor } from "./door.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function open(options: GrpcDoorOptions = {}) {
  const clock = new FakeClock();
  const draining = new AbortController();
  const health = { ok: true, told: new Set<() => void>() };
  const host = {
    runtime: { clock },
    logger: silentLogger,
    services: () => [],
    connect: () => ({ client: undefined, close: () => {} }),
    health: {
      live: () => true,
      ready: async () => ({ ok: health.ok, checks: {} }),
      onChange(told: () => void) {
        health.told.add(told);
        return () => health.told.delete(told);
      },
    },
    draining: draining.signal,
  } as unknown as DoorHost;
  const door = await grpcDoor(options)(host);
  const { port, sockets, close } = await openDoorPort(door);
  cleanups.push(close);
  const turn = (ok: boolean): void => {
    health.ok = ok;
    for (const told of health.told) told();
  };
  return { door, port, sockets, clock, listeners: health.told, turn, drain: () => draining.abort() };
}

async function session(port: number) {
  const made = connectHttp2(`http://127.0.0.1:${port}`);
  made.on("error", () => {});
  cleanups.push(() => made.destroy());
  await once(made, "remoteSettings");
  return made;
}

test("a peer that leaves, orderly, half-way or at once, leaves nothing behind", async () => {
  const { port, sockets, clock, listeners } = await open();
  const orderly = await session(port);
  orderly.close();
  await expect.poll(() => sockets.size).toBe(0);
  const atOnce = await session(port);
  atOnce.destroy();
  await expect.poll(() => sockets.size).toBe(0);
  const mute = connect(port, "127.0.0.1");
  mute.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  await expect.poll(() => sockets.size).toBe(1);
  mute.end();
  await expect.poll(() => sockets.size).toBe(0);
  await expect.poll(() => [clock.timers, listeners.size]).toEqual([0, 0]);
});

test("connections beyond the limit are closed", async () => {
  const { port } = await open({ maxConnections: 1 });
  await session(port);
  const second = connectHttp2(`http://127.0.0.1:${port}`);
  second.on("error", () => {});
  await new Promise((resolve) => second.once("close", resolve));
});

test("who watches health hears of each change at once; nothing is asked again and again", async () => {
  const { port, clock, turn } = await open();
  const peer = await session(port);
  const watch = peer.request({
    ":method": "POST",
    ":path": "/grpc.health.v1.Health/Watch",
    "content-type": "application/grpc",
  });
  watch.end(Buffer.alloc(5));
  const said = async (): Promise<unknown> => ((await once(watch, "data")) as [Buffer])[0].at(-1);
  expect(await said()).toBe(1);
  for (const [ok, status] of [
    [false, 2],
    [true, 1],
  ] as const) {
    const next = said();
    turn(ok);
    expect(await next).toBe(status);
  }
  expect(clock.timers).toBe(0);
  watch.close();
});

test.each([
  ["never comes", undefined, 0, 15_000],
  ["is not whole", undefined, 7, 15_000],
  ["is not whole by the caller's deadline", "2S", 7, 2000],
])("a message that %s is not waited for", async (_, timeout, bytes, ms) => {
  const { port, clock } = await open();
  const peer = await session(port);
  const check = peer.request({
    ":method": "POST",
    ":path": "/grpc.health.v1.Health/Check",
    "content-type": "application/grpc",
    ...(timeout !== undefined && { "grpc-timeout": timeout }),
  });
  check.on("error", () => {});
  check.write(Buffer.from([0, 0, 0, 0, 9, 10, 7]).subarray(0, bytes));
  await expect.poll(() => clock.timers).toBe(1);
  const answered = once(check, "response");
  clock.advance(ms - 1);
  expect(clock.timers).toBe(1);
  clock.advance(1);
  const [headers] = (await answered) as [Record<string, string>];
  expect(headers["grpc-status"]).toBe("4");
  expect(decodeURIComponent(headers["grpc-message"] as string)).toBe(
    `the request's message was not whole after ${ms} ms`,
  );
  expect(clock.timers).toBe(0);
});

test("a drain says GOAWAY to those who are here, and to those who still come", async () => {
  const { port, sockets, drain } = await open();
  const idle = await session(port);
  const goaway = once(idle, "goaway");
  drain();
  await goaway;
  const late = connectHttp2(`http://127.0.0.1:${port}`);
  late.on("error", () => {});
  await once(late, "goaway");
  await expect.poll(() => sockets.size).toBe(0);
});

test("a door that closes ends idle connections at once, and takes no more", async () => {
  const { door, port, sockets } = await open();
  const idle = await session(port);
  const goaway = once(idle, "goaway");
  await door.close(60_000);
  await goaway;
  await expect.poll(() => sockets.size).toBe(0);
  const late = connectHttp2(`http://127.0.0.1:${port}`);
  late.on("error", () => {});
  await new Promise((resolve) => late.once("close", resolve));
});
