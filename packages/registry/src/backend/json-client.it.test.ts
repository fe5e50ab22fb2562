import { setMaxListeners } from "node:events";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";
import { nodeRuntime } from "@skein/conformance/node";
import { afterEach, expect, test, vi } from "vitest";
import { JsonClient, type JsonQuestion } from "./json-client.ts";

const ended: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0)) await end();
});

function open(base: string, headers?: Readonly<Record<string, string>>): JsonClient {
  const client = new JsonClient(base, { runtime: nodeRuntime, shown: "the registry shown", headers });
  ended.push(async () => client.close());
  return client;
}

async function listening(server: Server): Promise<string> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ended.push(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
const serve = (answer: RequestListener): Promise<string> => listening(createServer(answer));

const ask = (client: JsonClient, given: Partial<JsonQuestion> = {}) =>
  client.ask({ path: "/v1/x?token=s3cr3t", timeoutMs: 5000, ...given });

async function read(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request) body += chunk;
  return body;
}

test("a question and its answer", async () => {
  const seen: object[] = [];
  const base = await serve(async (request, response) => {
    const { method, url, headers } = request;
    const { "x-token": token, "content-type": type } = headers;
    seen.push({ method, url, token, type, body: await read(request) });
    response.setHeader("x-index", "7");
    response.end('{"größe":["漢字"]}');
  });
  const client = open(base, { "x-token": "hunter2" });
  const answer = await ask(client);
  expect(answer).toMatchObject({ status: 200, body: { größe: ["漢字"] }, said: '{"größe":["漢字"]}' });
  expect(answer.headers.get("x-index")).toBe("7");
  await ask(client, { method: "PUT", path: "/y", body: { a: null } });
  expect(seen).toEqual([
    { method: "GET", url: "/v1/x?token=s3cr3t", token: "hunter2", type: undefined, body: "" },
    { method: "PUT", url: "/y", token: "hunter2", type: "application/json", body: '{"a":null}' },
  ]);
});

test.each<[number, string, unknown, string]>([
  [200, "", undefined, ""],
  [204, "", undefined, ""],
  [404, '{"error":"gone"}', { error: "gone" }, '{"error":"gone"}'],
  [403, "\n Permission denied: \u001b[31mred\u0007\nmore", undefined, "Permission denied:  [31mred "],
  [500, `<html>${"x".repeat(5000)}`, undefined, `<html>${"x".repeat(194)}`],
])("status %i with %j is an answer", async (status, text, body, said) => {
  const base = await serve((_, response) => void response.writeHead(status).end(text));
  const answer = await ask(open(base));
  expect([answer.status, answer.body, answer.said]).toEqual([status, body, said]);
});

test.each<[string, RequestListener, string | RegExp]>([
  ["garbage", (_, r) => void r.end("<html>"), "the answer is no JSON: <html>"],
  ["half of it", (_, r) => void r.end('{"a":'), 'the answer is no JSON: {"a":'],
  ["bytes that are no text", (_, r) => void r.end(Buffer.from([0xff, 0, 0x80])), "the answer is no JSON: "],
  [
    "a redirect",
    (_, r) => void r.writeHead(302, { location: "http://127.0.0.1:1/" }).end(),
    "unexpected redirect",
  ],
  ["a connection cut off", (q) => void q.socket.destroy(), "other side closed"],
  [
    "a body cut off",
    (q, r) => {
      r.writeHead(200, { "content-length": "100" });
      r.write('{"a":1', () => q.socket.destroy());
    },
    "other side closed",
  ],
])("%s is UNAVAILABLE, and says why", async (_, answer, because) => {
  const client = open(await serve(answer), { "x-token": "hunter2" });
  const error = await ask(client).catch((e: Error) => e);
  expect(error).toMatchObject({ name: "RpcError", code: "UNAVAILABLE" });
  expect((error as Error).message).toContain("the registry shown: GET /v1/x: ");
  expect((error as Error).message).toContain(because);
  expect((error as Error).message).not.toMatch(/s3cr3t|hunter2/);
});

test("what is no HTTP, and a port where nobody listens", async () => {
  const tcp = createTcpServer((socket) => {
    socket.on("error", () => {});
    socket.write("SSH-2.0-OpenSSH_9\r\n", () => socket.destroySoon());
  });
  await expect(ask(open(await listening(tcp)))).rejects.toMatchObject({
    code: "UNAVAILABLE",
    message: expect.stringMatching(/^the registry shown: GET \/v1\/x: ./),
  });
  const gone = await serve(() => {});
  await ended.pop()?.();
  await expect(ask(open(gone))).rejects.toMatchObject({
    code: "UNAVAILABLE",
    message: expect.stringContaining("ECONNREFUSED"),
  });
});

test("an answer that is too long is given up as it comes", async () => {
  let sent = 0;
  let closed = false;
  const base = await serve((_, response) => {
    const chunk = Buffer.alloc(1024 * 1024, " ");
    const more = (): void => {
      while (!closed && sent < 1000) {
        sent++;
        if (!response.write(chunk)) return void response.once("drain", more);
      }
    };
    response.on("close", () => {
      closed = true;
    });
    more();
  });
  await expect(ask(open(base), { timeoutMs: 20_000 })).rejects.toMatchObject({
    code: "UNAVAILABLE",
    message: "the registry shown: GET /v1/x: the answer is longer than 67108864 bytes",
  });
  await vi.waitFor(() => expect(closed).toBe(true), { timeout: 10_000 });
  expect(sent).toBeLessThan(200);
});

const stuck: readonly [string, RequestListener][] = [
  ["before the headers", () => {}],
  [
    "within the body",
    (_, response) => {
      response.write('{"a":');
    },
  ],
];
test.each(stuck)("no answer in time, stuck %s", async (_, answer) => {
  let closed = 0;
  const base = await serve((request, response) => {
    response.on("close", () => closed++);
    answer(request, response);
  });
  const begun = performance.now();
  await expect(ask(open(base), { timeoutMs: 1000 })).rejects.toMatchObject({
    code: "UNAVAILABLE",
    message: "the registry shown: GET /v1/x: no answer within 1000 ms",
  });
  expect(performance.now() - begun).toBeLessThan(4500);
  await vi.waitFor(() => expect(closed).toBe(1), { timeout: 10_000 });
});

test.each(stuck)("aborted, stuck %s", async (_, answer) => {
  let closed = 0;
  let asked = 0;
  const base = await serve((request, response) => {
    asked++;
    response.on("close", () => closed++);
    answer(request, response);
  });
  const abort = new AbortController();
  const client = open(base);
  const reason = new Error("enough");
  const rejected = expect(ask(client, { signal: abort.signal })).rejects.toBe(reason);
  await vi.waitFor(() => expect(asked).toBe(1), { timeout: 10_000 });
  abort.abort(reason);
  await rejected;
  await vi.waitFor(() => expect(closed).toBe(1), { timeout: 10_000 });
  await expect(ask(client, { signal: abort.signal })).rejects.toBe(reason);
  expect(asked).toBe(1);
});

test("close: what is being asked rejects, and nothing is asked any more", async () => {
  let asked = 0;
  const base = await serve(() => asked++);
  const client = open(base);
  const all = Promise.allSettled([ask(client), ask(client)]);
  await vi.waitFor(() => expect(asked).toBe(2), { timeout: 10_000 });
  client.close();
  client.close();
  const closed = new Error("the client of the registry shown is closed");
  expect(await all).toEqual([
    { status: "rejected", reason: closed },
    { status: "rejected", reason: closed },
  ]);
  await expect(ask(client)).rejects.toEqual(closed);
  expect(asked).toBe(2);
});

test("nothing is left behind on a signal that lives on", async () => {
  const base = await serve((_, response) => void response.end("{}"));
  const { signal } = new AbortController();
  let listeners = 0;
  const counted = Object.assign(signal, {
    addEventListener(...given: Parameters<AbortSignal["addEventListener"]>) {
      listeners++;
      EventTarget.prototype.addEventListener.apply(this, given);
    },
    removeEventListener(...given: Parameters<AbortSignal["removeEventListener"]>) {
      listeners--;
      EventTarget.prototype.removeEventListener.apply(this, given);
    },
  });
  setMaxListeners(0, counted);
  const client = open(base);
  await Promise.all(Array.from({ length: 20 }, () => ask(client, { signal: counted })));
  expect(listeners).toBe(0);
});

test("a header that cannot be sent is refused without being told", () => {
  for (const token of ["hunter2\r\nx: y", "hunter2\0", "hunter2€"]) {
    const make = (): JsonClient => open("http://127.0.0.1:1", { "x-token": token });
    expect(make).toThrow(
      "the registry shown: the header x-token cannot be sent: it has characters that none has",
    );
  }
});
