import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { expect, test } from "vitest";
import { request, useDesk } from "./test/bench.ts";

const desks = useDesk();
const NDJSON = { "content-type": "application/x-ndjson" };
const LINES = "content-type: application/x-ndjson\r\n";

/** A request whose body is written bit by bit, and its answer. */
function open(
  url: string,
  headers: Record<string, string> = NDJSON,
): [ClientRequest, Promise<IncomingMessage>] {
  const made = httpRequest(url, { method: "POST", headers });
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    made.on("response", resolve).on("error", reject);
  });
  answer.catch(() => {});
  return [made, answer];
}

async function text(message: IncomingMessage): Promise<string> {
  let all = "";
  for await (const chunk of message.setEncoding("utf8")) all += chunk;
  return all;
}

test("a server stream is a JSON value a line, how it ended stands in the trailer", async () => {
  const { url } = await desks.open();
  const [made, answer] = open(`${url}/desk/count`, { "content-type": "application/json" });
  made.end("3");
  const message = await answer;
  expect([message.statusCode, message.headers["content-type"]]).toEqual([
    200,
    "application/x-ndjson; charset=utf-8",
  ]);
  expect(await text(message)).toBe("1\n2\n3\n");
  expect(message.trailers).toEqual({ "skein-code": "OK" });
});

test("as events where they are asked for, with GET as EventSource does", async () => {
  const { url } = await desks.open();
  const answer = await fetch(`${url}/desk/count?input=2`, { headers: { accept: "text/event-stream" } });
  expect(answer.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  expect(await answer.text()).toBe("data: 1\n\ndata: 2\n\nevent: end\ndata: null\n\n");
});

test("an error in the middle is the last line, or the last event", async () => {
  const { url } = await desks.open();
  const [made, answer] = open(`${url}/desk/breaks`, { "content-type": "application/json" });
  made.end("2");
  const message = await answer;
  const [one, two, error, ...more] = (await text(message)).split("\n");
  expect([one, two, more]).toEqual(["1", "2", [""]]);
  const body = { code: "NOT_FOUND", type: "GONE", details: { id: "9" }, message: "gone", executed: "yes" };
  expect(JSON.parse(error as string)).toEqual({ error: body });
  expect(message.trailers).toEqual({ "skein-code": "NOT_FOUND" });
  const events = await fetch(`${url}/desk/breaks`, {
    method: "POST",
    headers: { accept: "text/event-stream", "content-type": "application/json" },
    body: "1",
  });
  const [item, last] = (await events.text()).split("\n\n");
  expect(item).toBe("data: 1");
  expect(last).toMatch(/^event: error\ndata: \{"code":"NOT_FOUND"/);
});

test("HTTP/1.0 gets its stream as well, to the connection's end", async () => {
  const { port } = await desks.open();
  const peer = desks.raw(port);
  peer.write(request("/desk/count", "2").replace("HTTP/1.1", "HTTP/1.0"));
  const answer = await peer.ended;
  expect(answer).toMatch(/200 OK[\s\S]*\r\n\r\n1\n2\n$/);
  expect(answer).not.toMatch(/transfer-encoding|trailer/i);
});

test("an error before the first item has its own status", async () => {
  const { url } = await desks.open();
  const answer = await fetch(`${url}/desk/breaks`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "0",
  });
  expect([answer.status, ((await answer.json()) as any).type]).toEqual([404, "GONE"]);
});

test("a quiet stream begins all the same; its reader goes and it is cancelled", async () => {
  const { url, desk } = await desks.open();
  const gone = new AbortController();
  const answer = await fetch(`${url}/desk/quiet`, { method: "POST", signal: gone.signal });
  expect(answer.status).toBe(200);
  gone.abort();
  await expect.poll(() => desk.aborted.length).toBe(1);
});

test("a stream has a deadline when one is given", async () => {
  const { url } = await desks.open();
  const answer = await fetch(`${url}/desk/quiet`, { method: "POST", headers: { timeout: "50ms" } });
  expect([answer.status, ((await answer.json()) as any).code]).toEqual([504, "DEADLINE_EXCEEDED"]);
});

test("a reader that does not read holds the stream back, and is cut in the end", async () => {
  const { port, desk } = await desks.open({ limits: { stallMs: 700 } });
  const peer = desks.raw(port);
  peer.socket.pause();
  peer.write(request("/desk/flood"));
  await expect.poll(() => desk.given).toBeGreaterThan(10);
  let before = -1;
  while (before !== desk.given) {
    before = desk.given;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  // Some MiB wait in the system's buffers; it does not go on for ever.
  expect(desk.given * 10_000).toBeLessThan(64 * 1024 * 1024);
  await expect.poll(() => desk.aborted.length, { timeout: 5000 }).toBe(1);
});

test("a client stream is a value a line; blank lines and CRLF are fine", async () => {
  const { url } = await desks.open();
  const [made, answer] = open(`${url}/desk/sum`);
  made.write("1\n2\r\n\n");
  made.write("3");
  made.write("0\n");
  made.end("4");
  expect(await text(await answer)).toBe("37\n");
});

test("a line that is no JSON ends it with a 400 that says where", async () => {
  const { url, desk } = await desks.open();
  const [made, answer] = open(`${url}/desk/sum`);
  made.end("1\n2\n3 x\n4\n");
  const message = await answer;
  expect([message.statusCode, JSON.parse(await text(message))]).toEqual([
    400,
    {
      code: "INVALID_ARGUMENT",
      message: "the body is no JSON: the end expected at line 3, column 3",
      details: { line: 3, column: 3, offset: 2 },
      executed: "no",
    },
  ]);
  expect(desk.imported).not.toContain(4);
});

test("a line beyond the limit is 413, whatever went before", async () => {
  const { url } = await desks.open({ limits: { maxBodyBytes: 1000 } });
  const [made, answer] = open(`${url}/desk/sum`);
  made.write("1\n".repeat(1000));
  made.write("2".repeat(1001));
  const message = await answer;
  expect(message.statusCode).toBe(413);
  expect(await text(message)).toContain("line 1001 of the body is longer than 1000 bytes");
  made.destroy();
});

test("an answer that comes before the body's end is whole, and the connection ends soon", async () => {
  const { port } = await desks.open();
  const peer = desks.raw(port);
  peer.write(`POST /desk/first HTTP/1.1\r\nHost: x\r\n${LINES}Transfer-Encoding: chunked\r\n\r\n`);
  peer.write("2\r\n5\n\r\n");
  await peer.until(/200 OK[\s\S]*\r\n\r\n5\n/);
  await peer.ended;
});

test("the rest of a stream that was refused is dropped, and the connection goes on if it ends soon", async () => {
  const { port } = await desks.open();
  const peer = desks.raw(port);
  peer.write(`POST /desk/sum HTTP/1.1\r\nHost: x\r\n${LINES}Transfer-Encoding: chunked\r\n\r\n`);
  peer.write("6\r\nx\n6\n7\n\r\n");
  await peer.until(/400 Bad Request[\s\S]*line 1, column 1/);
  const rest = "8\n".repeat(100_000);
  peer.write(`${rest.length.toString(16)}\r\n${rest}\r\n0\r\n\r\n${request("/desk/echo", "17")}`);
  await Promise.race([peer.until(/200 OK[\s\S]*17\n/), peer.ended]);
  expect(peer.text).toMatch(/200 OK[\s\S]*17\n/);
});

test("a body that is not read is not taken from the socket", async () => {
  const { port, desk } = await desks.open();
  const peer = desks.raw(port);
  peer.write(`POST /desk/double HTTP/1.1\r\nHost: x\r\n${LINES}Transfer-Encoding: chunked\r\n\r\n`);
  // Nobody reads the doubles: in the end nothing is read of the numbers either.
  peer.socket.pause();
  const chunk = Buffer.from(`fa0\r\n${"1234567\n".repeat(500)}\r\n`);
  let taken = 0;
  let more = true;
  for (let i = 0; i < 20_000 && more; i++) {
    if (!peer.socket.write(chunk))
      more = await Promise.race([
        new Promise<boolean>((resolve) => peer.socket.once("drain", () => resolve(true))),
        new Promise<boolean>((resolve) => setTimeout(resolve, 1500, false)),
      ]);
    taken += chunk.length;
  }
  expect(more).toBe(false);
  expect(taken).toBeLessThan(64 * 1024 * 1024);
  expect(desk.aborted).toEqual([]);
});

test("both ways at once over one request", async () => {
  const { url } = await desks.open();
  const [made, answer] = open(`${url}/desk/double`);
  made.write("1\n");
  const message = await answer;
  message.setEncoding("utf8");
  const items = message[Symbol.asyncIterator]();
  expect((await items.next()).value).toBe("2\n");
  made.write("20\n");
  expect((await items.next()).value).toBe("40\n");
  made.end("3\n");
  expect((await items.next()).value).toBe("6\n");
  expect((await items.next()).done).toBe(true);
  expect(message.trailers).toEqual({ "skein-code": "OK" });
});

test("half duplex works as well: all in, then all out", async () => {
  const { url } = await desks.open();
  const answer = await fetch(`${url}/desk/double`, { method: "POST", headers: NDJSON, body: "1\n2\n3" });
  expect(await answer.text()).toBe("2\n4\n6\n");
});

test("JSON for a stream, and a stream for JSON, are 415", async () => {
  const { url } = await desks.open();
  for (const [path, type] of [
    ["sum", "application/json"],
    ["echo", "application/x-ndjson"],
  ]) {
    const headers = { "content-type": type as string };
    const answer = await fetch(`${url}/desk/${path}`, { method: "POST", headers, body: "1" });
    expect(answer.status).toBe(415);
  }
});
