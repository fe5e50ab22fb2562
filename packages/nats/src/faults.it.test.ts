import { freePort, nodeRuntime, TcpProxy } from "@skein/conformance/node";
import {
  type Connection,
  type ConnectionHandler,
  type Listener,
  silentLogger,
  type Transport,
} from "@skein/core";
import { connect } from "nats";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createTransport } from "./index.ts";
import { decode, encode } from "./message.ts";
import { connectNats } from "./nats-client.ts";
import type { NatsPort } from "./nats-port.ts";
import { parseNatsUrl } from "./nats-url.ts";
import { NatsServer, natsBinary } from "./test/nats-server.ts";

const DIAL = { timeoutMs: 5000 };

/** What one end was told, and when. */
class End implements ConnectionHandler {
  bytes = 0;
  readonly closures: (Error | undefined)[] = [];
  closedAt = 0;
  #over: (error: Error | undefined) => void = () => {};
  readonly over = new Promise<Error | undefined>((resolve) => {
    this.#over = resolve;
  });
  #wanted: { bytes: number; resolve: () => void } | undefined;

  frame(_bytes: Uint8Array, start: number, end: number): void {
    this.bytes += end - start;
    if (this.#wanted !== undefined && this.bytes >= this.#wanted.bytes) this.#wanted.resolve();
  }
  chunkEnd(): void {}
  closed(error?: Error): void {
    this.closedAt = performance.now();
    this.closures.push(error);
    this.#over(error);
  }
  received(bytes: number): Promise<void> {
    return new Promise((resolve) => {
      this.#wanted = { bytes, resolve };
      if (this.bytes >= bytes) resolve();
    });
  }
}

function send(connection: Connection, tail = 0): boolean {
  const w = connection.reserve(16);
  w.view.setUint32(w.position, 16 + tail, true);
  w.position += 16;
  return tail === 0 ? connection.commit() : connection.commitWith(new Uint8Array(tail));
}

interface Pair {
  readonly dialled: Connection;
  readonly left: End;
  readonly right: End;
}

describe.skipIf(natsBinary() === undefined)("with a real nats-server", () => {
  let server: NatsServer;
  let caller: Transport;
  let callee: Transport;
  let listener: Listener | undefined;
  const accepted: End[] = [];

  const transport = (url = server.url): Transport =>
    createTransport(url, { runtime: nodeRuntime, logger: silentLogger });
  const listen = async (address = "nats://"): Promise<Listener> => {
    listener = await callee.listen(address, (connection) => {
      const end = new End();
      accepted.push(end);
      connection.open(end);
    });
    return listener;
  };
  const dial = async (to: Listener): Promise<Pair> => {
    const n = accepted.length;
    const dialled = await caller.dial(to.address, DIAL);
    const left = new End();
    dialled.open(left);
    send(dialled);
    const right = accepted[n] as End;
    await right.received(16);
    return { dialled, left, right };
  };

  /** That nobody listens there any more: its process may know sooner that it was cut off. */
  const serverKnows = async ({ address }: Listener): Promise<void> => {
    const asking = await connect({ servers: server.url });
    const asked = (): Promise<string> =>
      asking.request(address.slice("nats://".length), "", { timeout: 100 }).then(
        () => "answered",
        ({ code }) => code,
      );
    await expect.poll(asked, { timeout: 5000 }).toBe("503");
    await asking.close();
  };

  beforeEach(async () => {
    server = await NatsServer.start();
    caller = transport();
    callee = transport();
    accepted.length = 0;
  });
  afterEach(async () => {
    await listener?.close();
    listener = undefined;
    await server.close();
  });

  test("killed: both ends are told at once, with the reason", async () => {
    const pairs = await listen().then(async (l) => [await dial(l), await dial(l)]);
    await server.kill();
    const killedAt = performance.now();
    for (const { left, right } of pairs)
      for (const end of [left, right]) {
        const error = await end.over;
        expect(error?.message).toContain(`lost the connection to ${server.url}`);
        expect(error).toMatchObject({ code: "ENETDOWN" });
        expect(end.closedAt - killedAt).toBeLessThan(2000);
      }
  });

  test("down: a dial waits for it and succeeds once it is back, within 500 ms; the listener is still there", async () => {
    const l = await listen();
    const { left } = await dial(l);
    await server.kill();
    await left.over;
    const dialling = caller.dial(l.address, { timeoutMs: 20_000 });
    let early = true;
    dialling.then(
      () => expect(early).toBe(false),
      () => {},
    );
    await new Promise((resolve) => setTimeout(resolve, 1000));
    early = false;
    await server.start();
    const upAt = performance.now();
    const connection = await dialUntilThere(l.address, dialling);
    expect(performance.now() - upAt).toBeLessThan(3000);
    connection.destroy();
  });

  /** Who comes back first finds nobody yet, and says so: tried again, as callers do. */
  const dialUntilThere = async (address: string, first: Promise<Connection>): Promise<Connection> => {
    for (let next = first; ; next = caller.dial(address, DIAL)) {
      try {
        return await next;
      } catch (error) {
        if ((error as { code?: string }).code !== "ENETDOWN") throw error;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  };

  test("down: a dial with little time fails when it is over, and says why", async () => {
    const l = await listen();
    const { left } = await dial(l);
    await server.kill();
    await left.over;
    await expect(caller.dial(l.address, { timeoutMs: 300 })).rejects.toMatchObject({
      code: "ENETDOWN",
      message: expect.stringMatching(/nats:\/\/skein\.at\..*no connection to/),
    });
    const abort = new AbortController();
    const dialling = caller.dial(l.address, { timeoutMs: 20_000, signal: abort.signal });
    abort.abort(new Error("not wanted any more"));
    await expect(dialling).rejects.toThrow("not wanted any more");
  });

  test("what the server has not answered fails when it is gone, and is not waited for", async () => {
    const port = connectNats(
      parseNatsUrl(server.url),
      { runtime: nodeRuntime, logger: silentLogger },
      { connected: () => {}, disconnected: () => {} },
    );
    await port.ready(5000);
    const subscription = port.subscribe(
      "test.>",
      () => {},
      () => {},
    );
    await port.flush();
    server.stop();
    const unanswered = Promise.allSettled([port.flush(), subscription.drain?.()]);
    await server.kill();
    const [flushed, drained] = await unanswered;
    expect([flushed?.status, drained?.status]).toEqual(["rejected", "fulfilled"]);
    await port.close();
  });

  test("frozen: both ends are told within seconds", { timeout: 25_000 }, async () => {
    const { left, right } = await dial(await listen());
    server.stop();
    const frozenAt = performance.now();
    for (const end of [left, right]) {
      expect((await end.over)?.message).toContain("answers no more");
      expect(end.closedAt - frozenAt).toBeLessThan(12_000);
    }
    // Attempts to connect meanwhile leave nothing behind.
    const open = (): number =>
      process.getActiveResourcesInfo().filter((r) => r.startsWith("TCPSocket")).length;
    await new Promise((resolve) => setTimeout(resolve, 5000));
    expect(open()).toBeLessThanOrEqual(2);
    server.resume();
  });

  test("frozen while much is on its way: what lies before us in the socket does not keep us", {
    timeout: 25_000,
  }, async () => {
    let lost = (_: string): void => {};
    const why = new Promise<string>((resolve) => {
      lost = resolve;
    });
    const port = connectNats(
      parseNatsUrl(server.url),
      { runtime: nodeRuntime, logger: silentLogger },
      { connected: () => {}, disconnected: lost },
    );
    await port.ready(5000);
    server.stop();
    for (let n = 0; n < 30; n++) port.publish("test.much", Buffer.alloc(900_000));
    expect(await why).toContain("answers no more");
    server.resume();
    await port.close();
  });

  test("what is written while it is down never arrives later", async () => {
    const l = await listen();
    const { dialled, left, right } = await dial(l);
    await server.kill();
    await left.over;
    for (let i = 0; i < 10; i++) send(dialled);
    dialled.flush();
    await server.start();
    const spy = await connect({ servers: server.url });
    const seen: unknown[] = [];
    spy.subscribe("skein.inbox.>", { callback: (_e, m) => void seen.push(decode(m.data)?.kind) });
    await spy.flush();
    const again = await dialUntilThere(l.address, caller.dial(l.address, DIAL));
    await spy.flush();
    expect(seen.filter((kind) => kind !== "accept")).toStrictEqual([]);
    expect(right.bytes).toBe(16);
    again.destroy();
    await spy.close();
  });

  test("back again: that nobody is there yet is no refusal, until it has lasted", async () => {
    const l = await listen();
    const { left } = await dial(l);
    await l.close();
    await server.kill();
    await left.over;
    await server.start();
    await expect(caller.dial(l.address, DIAL)).rejects.toMatchObject({ code: "ENETDOWN" });
    const refused = async (): Promise<unknown> => (await caller.dial(l.address, DIAL).catch((e) => e)).code;
    await expect.poll(refused, { interval: 50, timeout: 4000 }).toBe("ECONNREFUSED");
  });

  const cluster = async (): Promise<readonly [NatsServer, NatsServer]> => {
    const route = await freePort();
    const member = (port: number): Promise<NatsServer> =>
      NatsServer.start(
        [],
        `cluster { name: c, listen: "127.0.0.1:${port}", routes: ["nats://127.0.0.1:${route}"] }`,
      );
    const [one, two] = [await member(route), await member(await freePort())];
    await expect.poll(() => one.output, { timeout: 5000 }).toContain("Route connection created");
    return [one, two];
  };

  test("a member of a cluster dies: who was there goes to another, though it was told of one only", async () => {
    const [one, two] = await cluster();
    caller = transport(one.url);
    callee = transport(two.url);
    const l = await listen();
    const { left } = await dialUntilThere(l.address, caller.dial(l.address, DIAL)).then(async (c) => {
      const end = new End();
      c.open(end);
      return { left: end };
    });
    await one.kill();
    expect(await left.over).toMatchObject({ code: "ENETDOWN" });
    const diedAt = performance.now();
    (await dialUntilThere(l.address, caller.dial(l.address, DIAL))).destroy();
    expect(performance.now() - diedAt).toBeLessThan(4500);
    await listener?.close();
    listener = undefined;
    await one.close();
    await two.close();
  });

  test("a member of a cluster dies, and not the caller's: that nobody is there yet is no refusal", async () => {
    const [one, two] = await cluster();
    caller = transport(one.url);
    callee = transport(two.url);
    const l = await listen();
    const dialled = await dialUntilThere(l.address, caller.dial(l.address, DIAL));
    const left = new End();
    dialled.open(left);
    let told = false;
    const spy = connectNats(
      parseNatsUrl(one.url),
      { runtime: nodeRuntime, logger: silentLogger },
      {
        connected: () => {},
        disconnected: () => {},
        memberGone: () => {
          told = true;
        },
      },
    );
    await spy.ready(5000);
    // Calls: over NATS it is told by a message of ours only that nobody is there.
    const calling = setInterval(() => send(dialled), 1);
    await two.kill();
    const error = await left.over;
    clearInterval(calling);
    // ECONNRESET where the server stood still before it told of its member, for longer than JUDGED_MS: see hub.test.ts.
    const code = expect.stringMatching(/^(ENETDOWN|ECONNRESET)$/);
    expect(error).toMatchObject({ code, undeliveredSince: expect.any(Number) });
    await expect.poll(() => told, { interval: 1, timeout: 2000 }).toBe(true);
    await spy.close();
    const again = await caller.dial(l.address, DIAL).catch((e) => e);
    if (again instanceof Error) expect(again).toMatchObject({ code: "ENETDOWN" });
    else again.destroy();
    (await dialUntilThere(l.address, caller.dial(l.address, DIAL))).destroy();
    await listener?.close();
    listener = undefined;
    await one.close();
    await two.close();
  });

  test("a cluster's members are known to who connects anew, when the one that was given is gone", async () => {
    const [one, two] = await cluster();
    const target = parseNatsUrl(one.url);
    const events = { connected: () => {}, disconnected: () => {} };
    const client = (): NatsPort =>
      connectNats(target, { runtime: nodeRuntime, logger: silentLogger }, events);
    const before = client();
    await before.ready(5000);
    await expect.poll(() => before.clustered, { timeout: 5000 }).toBe(true);
    await before.close();
    await one.kill();
    const after = client();
    await after.ready(5000);
    await after.close();
    await one.close();
    await two.close();
  });

  test("a frame that never becomes whole is cut", { timeout: 20_000 }, async () => {
    const { dialled, left, right } = await dial(await listen());
    const w = dialled.reserve(16);
    w.view.setUint32(w.position, 100_000, true);
    w.position += 16;
    dialled.commit();
    dialled.flush();
    expect((await right.over)?.message).toBe("a frame made less than 1024 bytes a second");
    expect((await left.over)?.message).toContain("a frame made less than 1024 bytes a second");
  });

  test("nobody there: refused at once, not left to time out", async () => {
    await (await caller.listen("nats://", () => {})).close();
    const began = performance.now();
    const error = await caller.dial("nats://skein.at.nobody", DIAL).catch((e) => e);
    expect(error).toMatchObject({ code: "ECONNREFUSED" });
    expect(error.message).toContain("nats://skein.at.nobody: refused the connection");
    expect(performance.now() - began).toBeLessThan(4000);
  });

  test("an end whose process is gone without a word: the next message says so", async () => {
    const away = await new TcpProxy(`127.0.0.1:${server.port}`).open();
    callee = transport(`nats://127.0.0.1:${away.port}`);
    const { dialled, left } = await dial(await listen());
    await away.cut();
    await accepted[0]?.over;
    await serverKnows(listener as Listener);
    const goneAt = performance.now();
    send(dialled);
    const error = await left.over;
    expect(error?.message).toMatch(/is gone: nobody subscribes there/);
    // Of what was sent since it is known that nobody had it; what had been sent before came.
    const { undeliveredSince } = error as Error & { readonly undeliveredSince: number };
    expect(undeliveredSince).toBeLessThan(goneAt);
    expect(undeliveredSince).toBeGreaterThan(goneAt - 10_000);
  });

  test("gone before anything was sent: nothing was delivered at all", async () => {
    const away = await new TcpProxy(`127.0.0.1:${server.port}`).open();
    callee = transport(`nats://127.0.0.1:${away.port}`);
    const dialled = await caller.dial((await listen()).address, DIAL);
    const left = new End();
    dialled.open(left);
    await away.cut();
    await accepted[0]?.over;
    await serverKnows(listener as Listener);
    send(dialled);
    expect(await left.over).toMatchObject({ undeliveredSince: Number.NEGATIVE_INFINITY });
  });

  test("an end that takes nothing more, and then is gone: who waits for its window is told", async () => {
    const peer = await connect({ servers: server.url });
    peer.subscribe("skein.at.peer", {
      callback: (_e, { data, reply }) => {
        const epoch = decode(data)?.epoch as number;
        const accepted = encode("accept", { epoch, acknowledged: 16 * 1024 });
        peer.publish(reply as string, accepted, { reply: "skein.inbox.peer.1" });
      },
    });
    peer.subscribe("skein.inbox.peer.1", { callback: () => {} });
    await peer.flush();
    const dialled = await caller.dial("nats://skein.at.peer", DIAL);
    const left = new End();
    dialled.open(left);
    send(dialled, 100_000);
    dialled.flush();
    expect(dialled.bufferedBytes).toBeGreaterThan(80_000);
    await peer.flush();
    await peer.close();
    expect((await left.over)?.message).toMatch(/is gone: nobody subscribes there/);
  });

  test("once nothing uses it the server is left: no socket and no timer stays", async () => {
    const open = (): number =>
      process.getActiveResourcesInfo().filter((r) => /TCPSocket|Timeout/.test(r)).length;
    const before = open();
    const l = await listen();
    const { dialled, left } = await dial(l);
    expect(open()).toBeGreaterThan(before);
    dialled.close();
    await left.over;
    await l.close();
    await expect.poll(open, { interval: 10, timeout: 2000 }).toBeLessThanOrEqual(before);
  });

  test("an address in use by another process is refused", async () => {
    const l = await listen("nats://here");
    await expect(caller.listen("nats://here", () => {})).rejects.toThrow("nats://here is in use");
    await l.close();
    await (await caller.listen("nats://here", () => {})).close();
  });

  test("a lost message closes both ends with an error that tells which", async () => {
    const { dialled, left, right } = await dial(await listen());
    const spy = await connect({ servers: server.url });
    const heard = new Promise<{ subject: string; reply: string; epoch: number }>((resolve) => {
      spy.subscribe("skein.inbox.>", {
        callback: (_e, { subject, reply, data }) => {
          const message = decode(data);
          if (message?.kind === "data") resolve({ subject, reply: reply as string, epoch: message.epoch });
        },
      });
    });
    await spy.flush();
    send(dialled);
    const { subject, reply, epoch } = await heard;
    spy.publish(subject, encode("data", { epoch, sequence: 9 }), { reply });
    expect((await right.over)?.message).toMatch(/message 9 of .* came instead of 2: some were lost/);
    expect(await left.over).toBeInstanceOf(Error);
    await spy.close();
  });

  test("strangers' messages change nothing", async () => {
    const l = await listen();
    const { dialled, right } = await dial(l);
    const spy = await connect({ servers: server.url });
    let forged = 0;
    spy.subscribe("evil", { callback: () => void forged++ });
    const subject = l.address.slice("nats://".length);
    for (const data of [
      new Uint8Array(0),
      new Uint8Array(100),
      encode("open", { epoch: 1, acknowledged: 1 << 20 }),
    ])
      spy.publish(subject, data, { reply: "evil" });
    spy.publish(subject, encode("open", { epoch: 1, acknowledged: 1 << 20 }));
    await spy.flush();
    send(dialled);
    await right.received(32);
    await spy.flush();
    expect([forged, accepted.length]).toStrictEqual([0, 1]);
    dialled.destroy();
    await spy.close();
  });

  test("a small max_payload: large frames cross in parts", async () => {
    const small = await NatsServer.start([], "max_payload: 8192");
    caller = transport(small.url);
    callee = transport(small.url);
    const { dialled, right } = await dial(await listen());
    send(dialled, 1_000_000);
    await right.received(16 + 1_000_016);
    dialled.destroy();
    await listener?.close();
    listener = undefined;
    await small.close();
  });
});
