import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { HealthSource, Readiness } from "@skein/core";
import { silentLogger } from "@skein/core";
import { afterEach, describe, expect, test } from "vitest";
import { createHttpDoor } from "./door.ts";
import type { HttpLimits } from "./limits.ts";
import { openDoorPort } from "./test/door-port.ts";

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const well: HealthSource = {
  live: () => true,
  ready: async () => ({ ok: true, checks: {} }),
  onChange: () => () => {},
};

async function open(health: Partial<HealthSource> = {}, limits: Partial<HttpLimits> = {}) {
  const draining = new AbortController();
  const door = createHttpDoor({
    health: { ...well, ...health },
    logger: silentLogger,
    draining: draining.signal,
    limits,
  });
  const { port, sockets, accepted, close } = await openDoorPort(door);
  cleanups.push(async () => {
    await close();
    expect(sockets.size).toBe(0);
  });
  return { door, port, sockets, accepted, drain: () => draining.abort() };
}

function dial(port: number): {
  socket: Socket;
  write(text: string): void;
  text(): string;
  until(part: string): Promise<string>;
  ended: Promise<string>;
} {
  const socket = connect(port, "127.0.0.1");
  let received = "";
  const waiting: { part: string; resolve(text: string): void }[] = [];
  socket.on("error", () => {});
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    received += chunk;
    for (const w of [...waiting]) if (received.includes(w.part)) w.resolve(received);
  });
  return {
    socket,
    write: (text) => void socket.write(text),
    text: () => received,
    until: (part) =>
      new Promise((resolve) => {
        if (received.includes(part)) resolve(received);
        else waiting.push({ part, resolve });
      }),
    ended: once(socket, "close").then(() => received),
  };
}

const get = (path: string, method = "GET", more = ""): string =>
  `${method} ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;

describe("health over HTTP", () => {
  test("live and ready: 200 with JSON, on one kept connection", async () => {
    const { port } = await open({
      ready: async () => ({ ok: true, checks: { database: { ok: true, ms: 3 } } }),
    });
    const live = await fetch(`http://127.0.0.1:${port}/health/live`);
    expect([live.status, live.headers.get("content-type"), await live.json()]).toEqual([
      200,
      "application/json; charset=utf-8",
      { status: "live" },
    ]);
    const ready = await fetch(`http://127.0.0.1:${port}/health/ready?verbose`);
    expect([ready.status, await ready.json()]).toEqual([
      200,
      { status: "ready", checks: { database: { ok: true, ms: 3 } } },
    ]);
    const kept = dial(port);
    kept.write(get("/health/live"));
    await kept.until('{"status":"live"}\n');
    kept.write(get("/health/ready"));
    await kept.until('"status":"ready"');
    expect(kept.text().match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2);
    kept.socket.destroy();
  });

  test("not live and not ready: 503", async () => {
    const { port } = await open({
      live: () => false,
      ready: async () => ({ ok: false, checks: { lease: { ok: false, reason: "lost" } } }),
    });
    expect((await fetch(`http://127.0.0.1:${port}/health/live`)).status).toBe(503);
    const ready = await fetch(`http://127.0.0.1:${port}/health/ready`);
    expect([ready.status, await ready.json()]).toEqual([
      503,
      { status: "not ready", checks: { lease: { ok: false, reason: "lost" } } },
    ]);
  });

  test("HEAD has the headers alone", async () => {
    const { port } = await open();
    const head = dial(port);
    head.write(get("/health/ready", "HEAD", "Connection: close\r\n"));
    const text = await head.ended;
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(text).toMatch(/content-length: 31\r\n/);
    expect(text.endsWith("\r\n\r\n")).toBe(true);
  });

  test("other paths are 404, other methods 405, both with JSON", async () => {
    const { port } = await open();
    const missing = await fetch(`http://127.0.0.1:${port}/health/`);
    expect([missing.status, await missing.json()]).toEqual([
      404,
      { error: "not found", endpoints: ["/health/live", "/health/ready"] },
    ]);
    const refused = await fetch(`http://127.0.0.1:${port}/health/live`, { method: "DELETE" });
    expect([refused.status, refused.headers.get("allow"), await refused.json()]).toEqual([
      405,
      "GET, HEAD",
      { error: "method not allowed" },
    ]);
  });

  test("pipelined and split requests are answered in order", async () => {
    const { port } = await open();
    const peer = dial(port);
    const requests = get("/health/live") + get("/nothing") + get("/health/ready");
    for (const part of [requests.slice(0, 7), requests.slice(7, 60), requests.slice(60)]) {
      peer.write(part);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await peer.until('"status":"ready"');
    expect(peer.text().match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 404", "HTTP/1.1 200"]);
    peer.socket.destroy();
  });

  test("a source that throws is a 500 that says nothing of it", async () => {
    const { port } = await open({ ready: () => Promise.reject(new Error("password=hunter2")) });
    const response = await fetch(`http://127.0.0.1:${port}/health/ready`);
    expect([response.status, await response.text()]).toEqual([500, '{"error":"internal error"}\n']);
  });
});

describe("hostile and slow peers", () => {
  test("headers beyond the limit are 431", async () => {
    const { port } = await open({}, { maxHeaderBytes: 1024 });
    const peer = dial(port);
    peer.write(get("/health/live", "GET", `X: ${"x".repeat(2000)}\r\n`));
    expect(await peer.ended).toMatch(/^HTTP\/1\.1 431 /);
  });

  test("garbage behind a method is 400", async () => {
    const { port } = await open();
    const peer = dial(port);
    peer.write("GET \0\0\0\r\n\r\n");
    expect(await peer.ended).toMatch(/^HTTP\/1\.1 400 /);
  });

  test("a request that drips is ended in time, however often a byte comes", async () => {
    const { port } = await open({}, { requestMs: 150 });
    const peer = dial(port);
    const started = performance.now();
    peer.write("GET /health/live HTTP/1.1\r\n");
    const drip = setInterval(() => peer.write("X"), 20);
    expect(await peer.ended).toBe("");
    clearInterval(drip);
    expect(performance.now() - started).toBeGreaterThanOrEqual(140);
  });

  test("an idle connection is ended", async () => {
    const { port } = await open({}, { idleMs: 50 });
    const peer = dial(port);
    peer.write(get("/health/live"));
    expect(await peer.ended).toMatch(/^HTTP\/1\.1 200 /);
  });

  test("a body is not read: the answer is the connection's last", async () => {
    const { port } = await open();
    const peer = dial(port);
    peer.write(get("/health/live", "POST", "Content-Length: 1000000\r\n") + "x".repeat(1000));
    expect(await peer.ended).toMatch(/^HTTP\/1\.1 405 [\s\S]*connection: close\r\n/i);
  });

  test("connections beyond the limit are closed", async () => {
    const { port } = await open({}, { maxConnections: 1 });
    const first = dial(port);
    first.write(get("/health/live"));
    await first.until("200");
    const second = dial(port);
    second.write(get("/health/live"));
    expect(await second.ended).toBe("");
    first.socket.destroy();
  });
});

describe("draining", () => {
  test("idle connections end at once, what is asked still is answered as the connection's last", async () => {
    const answers: ((r: Readiness) => void)[] = [];
    const { port, drain, accepted } = await open({
      ready: () => new Promise((resolve) => answers.push(resolve)),
    });
    const idle = dial(port);
    idle.write(get("/health/live"));
    expect(await idle.until('"live"')).not.toMatch(/connection: close/i);
    const busy = dial(port);
    busy.write(get("/health/ready"));
    await expect.poll(() => answers.length).toBe(1);
    const begun = dial(port);
    begun.write("GET /health/live HTTP/1.1\r\n");
    await expect.poll(accepted).toBe(3);
    drain();
    await idle.ended;
    answers[0]?.({ ok: false, checks: {} });
    expect(await busy.ended).toMatch(/503 [\s\S]*connection: close/i);
    begun.write("Host: x\r\n\r\n");
    expect(await begun.ended).toMatch(/200 [\s\S]*connection: close/i);
    const late = dial(port);
    late.write(get("/health/live"));
    expect(await late.ended).toMatch(/200 [\s\S]*connection: close/i);
  });
});

describe("closing", () => {
  test("idle connections end at once, an answer under way is finished", async () => {
    const answers: ((r: Readiness) => void)[] = [];
    const { door, port } = await open({ ready: () => new Promise((resolve) => answers.push(resolve)) });
    const idle = dial(port);
    idle.write(get("/health/live"));
    await idle.until("200");
    const busy = dial(port);
    busy.write(get("/health/ready"));
    await expect.poll(() => answers.length).toBe(1);
    const closed = door.close(5000);
    await idle.ended;
    answers[0]?.({ ok: false, checks: {} });
    expect(await busy.ended).toMatch(/503 [\s\S]*connection: close/i);
    await closed;
    const late = dial(port);
    late.write(get("/health/live"));
    expect(await late.ended).toBe("");
  });

  test("an answer that does not come is given up after the grace", async () => {
    let asked = 0;
    const { door, port } = await open({
      ready: () => {
        asked++;
        return new Promise(() => {});
      },
    });
    const busy = dial(port);
    busy.write(get("/health/ready"));
    await expect.poll(() => asked).toBe(1);
    await door.close(30);
    expect(await busy.ended).toBe("");
  });

  test("a door that nobody used closes at once", async () => {
    const { signal: draining } = new AbortController();
    const door = createHttpDoor({ health: well, logger: silentLogger, draining });
    await door.close(10_000);
  });
});
