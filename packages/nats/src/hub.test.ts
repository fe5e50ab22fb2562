import { randomUUID } from "node:crypto";
import type { Connection, ConnectionHandler } from "@skein/core";
import { createFakeRuntime, type FakeRuntime, settle } from "@skein/core/testing";
import { beforeEach, describe, expect, test } from "vitest";
import { Hub } from "./hub.ts";
import { JUDGED_MS, RETURN_MS } from "./limits.ts";
import { type FakePort, FakeServer } from "./test/fake-server.ts";

const DIAL = { timeoutMs: 1000 };

class End implements ConnectionHandler {
  frames = 0;
  error: (Error & { code?: string; undeliveredSince?: number }) | undefined;
  endedAt: number | undefined;
  readonly #runtime: FakeRuntime;

  constructor(runtime: FakeRuntime) {
    this.#runtime = runtime;
  }
  frame(): void {
    this.frames++;
  }
  chunkEnd(): void {}
  closed(error?: Error): void {
    this.error = error;
    this.endedAt = this.#runtime.clock.monotonic();
  }
}

function send(connection: Connection): void {
  const w = connection.reserve(16);
  w.view.setUint32(w.position, 16, true);
  w.position += 16;
  connection.commit();
  connection.flush();
}

let runtime: FakeRuntime;
let server: FakeServer;
beforeEach(() => {
  runtime = createFakeRuntime();
  server = new FakeServer(runtime);
});
const pass = (ms: number): Promise<void> => runtime.clock.advanceAsync(ms);
const now = (): number => runtime.clock.monotonic();

function open(): { hub: Hub; port: FakePort } {
  let port: FakePort | undefined;
  const hub = new Hub(
    {
      runtime,
      prefix: "skein",
      maxFrameBytes: 1024 * 1024,
      connect: (events) => {
        port = server.connect(events);
        return port;
      },
    },
    () => {},
  );
  return { hub, port: port as unknown as FakePort };
}

/** A caller with a connection to each of so many servers. */
async function town(count: number) {
  const caller = open();
  const all = await Promise.all(
    Array.from({ length: count }, async () => {
      const callee = open();
      const right = new End(runtime);
      const listening = callee.hub.listen("nats://", (connection) => connection.open(right));
      await pass(20);
      const { address } = await listening;
      const dialling = caller.hub.dial(address, DIAL);
      await pass(10);
      const connection = await dialling;
      const left = new End(runtime);
      connection.open(left);
      send(connection);
      await pass(10);
      expect(right.frames).toBe(1);
      return { callee, address, connection, left, right };
    }),
  );
  return { caller, all };
}

describe("nobody subscribes where an instance did", () => {
  test("one server: it is gone, at once", async () => {
    const { caller, all } = await town(1);
    const { callee, connection, left, address } = all[0] as (typeof all)[number];
    callee.port.connected = false;
    const sentAt = now();
    send(connection);
    await pass(3);
    expect(left.error).toMatchObject({ code: "ECONNRESET" });
    expect(left.error?.undeliveredSince).toBeLessThan(sentAt);
    const dialling = caller.hub.dial(address, DIAL);
    dialling.catch(() => {});
    await pass(3);
    await expect(dialling).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  test("a cluster: it is gone, once it is clear that its member is not", async () => {
    const { caller, all } = await town(1);
    caller.port.clustered = true;
    const { callee, connection, left, address } = all[0] as (typeof all)[number];
    callee.port.connected = false;
    send(connection);
    await pass(JUDGED_MS - 1);
    expect(left.error).toBeUndefined();
    await pass(5);
    expect(left.error).toMatchObject({ code: "ECONNRESET", undeliveredSince: expect.any(Number) });
    const dialling = caller.hub.dial(address, DIAL);
    dialling.catch(() => {});
    await pass(JUDGED_MS + 5);
    await expect(dialling).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  test("the member goes at which all were: all connections end together, those without a call too, and nobody is refused", async () => {
    const { caller, all } = await town(3);
    caller.port.clustered = true;
    for (const { callee } of all) callee.port.connected = false;
    const busy = all[0] as (typeof all)[number];
    const sentAt = now();
    send(busy.connection);
    await pass(3);
    caller.port.losesMember();
    await pass(5);
    for (const { left } of all) expect(left.error).toMatchObject({ code: "ENETDOWN" });
    expect(new Set(all.map(({ left }) => left.endedAt)).size).toBe(1);
    expect(busy.left.endedAt).toBeLessThan(sentAt + JUDGED_MS);
    expect(busy.left.error?.undeliveredSince).toBeLessThan(sentAt);
    const dial = async (): Promise<unknown> => {
      const failed = caller.hub.dial(busy.address, DIAL).catch(({ code }) => code);
      await pass(JUDGED_MS + 5);
      return failed;
    };
    expect(await dial()).toBe("ENETDOWN");
    await pass(RETURN_MS);
    expect(await dial()).toBe("ECONNREFUSED");
  });

  test("it is told that the member is gone before it is told that nobody is there", async () => {
    const { caller, all } = await town(2);
    caller.port.clustered = true;
    for (const { callee } of all) callee.port.connected = false;
    caller.port.losesMember();
    await pass(5);
    for (const { left } of all) expect(left.error).toMatchObject({ code: "ENETDOWN" });
  });

  test("whoever comes back meanwhile is sent nothing more: what was not delivered is not executed", async () => {
    const { caller, all } = await town(1);
    caller.port.clustered = true;
    const { callee, connection, left, right } = all[0] as (typeof all)[number];
    callee.port.connected = false;
    // It is about no message with a number.
    caller.port.losesMember();
    await pass(1);
    callee.port.connected = true;
    await settle();
    const sentAt = now();
    send(connection);
    await pass(JUDGED_MS + 5);
    expect(left.error).toMatchObject({ code: "ENETDOWN" });
    expect(left.error?.undeliveredSince).toBeLessThan(sentAt);
    expect(right.frames).toBe(1);
  });

  test("our own server goes as well: what nobody took is known all the same", async () => {
    const { caller, all } = await town(1);
    caller.port.clustered = true;
    const { callee, connection, left } = all[0] as (typeof all)[number];
    callee.port.connected = false;
    send(connection);
    await pass(3);
    caller.port.disconnect();
    await settle();
    expect(left.error).toMatchObject({ code: "ENETDOWN", undeliveredSince: expect.any(Number) });
  });
});

test("nobody guesses where another's connection is told that nobody took a message", async () => {
  runtime = { ...runtime, uniqueId: randomUUID };
  server = new FakeServer(runtime);
  await town(3);
  const ids = server.published.flatMap(({ subject }) => /inbox\.[^.]+\.(\d+)/.exec(subject)?.[1] ?? []);
  const sorted = [...new Set(ids.map(Number))].sort((a, b) => a - b);
  expect(sorted.length).toBeGreaterThanOrEqual(6);
  const gaps = sorted.map((id, n) => id - (sorted[n - 1] ?? 0));
  expect(Math.min(...gaps)).toBeGreaterThan(2 ** 20);
});

test("who was not permitted to subscribe dials again once the server permits it", async () => {
  const { caller, all } = await town(1);
  const { address } = all[0] as (typeof all)[number];
  caller.port.refuses(new Error("not permitted"));
  await expect(caller.hub.dial(address, DIAL)).rejects.toThrow("not permitted");
  caller.port.disconnect();
  caller.port.connect();
  const dialling = caller.hub.dial(address, DIAL);
  await pass(10);
  (await dialling).destroy();
});
