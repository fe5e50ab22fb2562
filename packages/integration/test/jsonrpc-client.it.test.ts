import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { silentLogger } from "@skein/core";
import { type ClientOptions, createClient } from "skein";
import { afterEach, describe, expect, test } from "vitest";

interface Sums {
  add(numbers: readonly number[] | undefined): Promise<unknown>;
}

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A server of whatever: it is told of each line, and says what it likes. */
async function serveLines(heard: (line: string, socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    let text = "";
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      const lines = text.split("\n");
      text = lines.pop() as string;
      for (const line of lines) heard(line, socket);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  ends.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${(server.address() as { port: number }).port}`;
}

function caller(at: string, more: ClientOptions = {}) {
  const client = createClient({ registry: `static://sums=${at}`, log: silentLogger, ...more });
  ends.push(() => client.close());
  return client.service<Sums>("sums", { protocol: "jsonrpc" });
}

describe("what a server of net/rpc/jsonrpc is sent, and what it may answer", () => {
  test("requests as Go writes them", async () => {
    const lines: string[] = [];
    const at = await serveLines((line, socket) => {
      lines.push(line);
      socket.write(`{"id":${lines.length},"result":${lines.length},"error":null}`);
    });
    const sums = caller(at);
    expect(await sums.add([1, 2])).toBe(1);
    expect(await sums.call("add", undefined, { metadata: { a: "b" } })).toBe(2);
    expect(lines).toEqual([
      '{"method":"Sums.Add","params":[[1,2]],"id":1}',
      '{"method":"Sums.Add","params":[null],"id":2}',
    ]);
  });

  test("answers in any order, split anywhere, to ids that nobody knows", async () => {
    const seen: Socket[] = [];
    const at = await serveLines((_, socket) => {
      seen.push(socket);
      if (seen.length < 3) return;
      const text =
        '{"id":77,"result":1,"error":null}{"id":"1","result":1}{"id":3,"result":"c}"}\n {"id":1,"result":"a","error":null}{"error":{"code":7},"id":2}';
      for (const byte of Buffer.from(text)) socket.write(Buffer.of(byte));
    });
    const sums = caller(at);
    const outcomes = await Promise.allSettled([sums.add([1]), sums.add([2]), sums.add([3])]);
    expect(outcomes).toMatchObject([
      { value: "a" },
      { reason: { code: "UNKNOWN", executed: "yes", message: '{"code":7}' } },
      { value: "c}" },
    ]);
  });

  test.each([
    ["HTTP/1.1 400 Bad Request\r\n\r\n", "broke the protocol: a message does not begin with {"],
    ["{]", "broke the protocol: a message is not JSON"],
    [`{"a":${"[".repeat(100)}`, "broke the protocol: a message is nested deeper than 66"],
    [`{"id":1,"result":"${"x".repeat(2000)}"}`, "broke the protocol: a message is longer than 1000 bytes"],
    ["", "was closed by the peer"],
  ])("%.20s: the call fails as one whose outcome nobody knows", async (answer, message) => {
    const at = await serveLines((_, socket) => socket.end(answer));
    const failed = caller(at, { limits: { maxMessageBytes: 1000 } }).add([1]);
    await expect(failed).rejects.toMatchObject({
      code: "UNAVAILABLE",
      executed: "maybe",
      message: expect.stringContaining(message),
    });
  });

  test("an answer with a key that would change what objects are is refused", async () => {
    const at = await serveLines((_, socket) => socket.write('{"id":1,"result":{"a":{"__proto__":{}}}}'));
    await expect(caller(at).add([1])).rejects.toMatchObject({ code: "INTERNAL", executed: "yes" });
  });

  test("an input that cannot be JSON was not sent", async () => {
    const at = await serveLines(() => {});
    const circle: unknown[] = [];
    circle.push(circle);
    await expect(caller(at).add(circle as number[])).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      executed: "no",
    });
  });

  test("calls beyond the connection's limit wait, and are moved or fail as never sent", async () => {
    const sockets: Socket[] = [];
    const at = await serveLines((_, socket) => sockets.push(socket));
    const sums = caller(at, { limits: { maxCalls: 2 } });
    const calls = [sums.add([1]), sums.add([2]), sums.call("add", [3], { timeoutMs: 200 }), sums.add([4])];
    const settled = Promise.allSettled(calls);
    await expect.poll(() => sockets.length).toBe(2);
    await expect(calls[2]).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED", executed: "no" });
    sockets[0]?.destroy();
    expect(await settled).toMatchObject([
      { reason: { code: "UNAVAILABLE", executed: "maybe" } },
      { reason: { code: "UNAVAILABLE", executed: "maybe" } },
      { reason: { code: "DEADLINE_EXCEEDED" } },
      { reason: { code: "UNAVAILABLE", executed: "no" } },
    ]);
  });
});
