import { expect, test } from "vitest";
import { request, useDesk } from "./test/bench.ts";

const desks = useDesk();

/** mulberry32: a failure can be had again. */
function randomOf(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const NDJSON = "content-type: application/x-ndjson\r\n";
const SEEDS = [
  request("/desk/getUser", '{"id":"42"}'),
  request(
    "/desk/echo",
    '{"a":[1,2,{"b":"\\u00fc"}]}',
    "content-type: application/json\r\ntimeout: 1.5s\r\nx-a: b\r\n",
  ),
  request("/desk/sum", "1\n2\n3\n", NDJSON),
  request("/desk/double", "1\n2\n3\n", `${NDJSON}Accept: text/event-stream\r\n`),
  "GET /desk/count?input=3 HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n",
  `POST /desk/echo HTTP/1.1\r\nHost: x\r\ncontent-type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1]\r\n0\r\n\r\n`,
  "OPTIONS /desk/echo HTTP/1.1\r\nHost: x\r\nOrigin: https://app.example\r\nAccess-Control-Request-Headers: x-a\r\n\r\n",
  "GET /openapi.json HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n",
  "GET /health/ready HTTP/1.1\r\nHost: x\r\n\r\n",
].map((text) => Buffer.from(text));
const PARTS = [
  "\r\n",
  "\0",
  "\r\n\r\n",
  "0\r\n\r\n",
  "__proto__",
  "%2f",
  "//",
  "[[[[[[",
  '"\\u',
  "\n",
  ": ",
  "-1",
  "chunked",
  "é",
];

function mutate(random: () => number): Buffer {
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T;
  let bytes = Buffer.from(pick(SEEDS));
  if (random() < 0.1) bytes = Buffer.concat([bytes, pick(SEEDS), pick(SEEDS)]);
  for (let i = Math.floor(random() * 6); i >= 0; i--) {
    const at = Math.floor(random() * bytes.length);
    const kind = random();
    if (kind < 0.3) bytes[at] = Math.floor(random() * 256);
    else if (kind < 0.5)
      bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + Math.floor(random() * 20))]);
    else if (kind < 0.8)
      bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(pick(PARTS)), bytes.subarray(at)]);
    else if (kind < 0.9) bytes = bytes.subarray(0, at);
    else bytes = Buffer.concat([bytes.subarray(0, at), bytes]);
    if (bytes.length === 0) bytes = Buffer.from("G");
  }
  // The first byte decides which door it is.
  return Buffer.concat([
    Buffer.from(random() < 0.5 ? "POST " : "GET "),
    bytes.subarray(bytes.indexOf(0x20) + 1),
  ]);
}

test("1,000 broken requests: nothing breaks but they, and neighbours notice nothing", async () => {
  const { port, desk } = await desks.open({
    cors: { origins: ["https://app.example"] },
    limits: { requestMs: 300, idleMs: 300 },
  });
  const broken: unknown[] = [];
  const note = (error: unknown): void => void broken.push(error);
  process.on("uncaughtException", note).on("unhandledRejection", note);
  const random = randomOf(20_261_121);
  let answered = 0;
  try {
    for (let round = 0; round < 20; round++) {
      const peers = Array.from({ length: 50 }, () => {
        const peer = desks.raw(port);
        peer.write(mutate(random));
        if (random() < 0.3) peer.socket.end();
        return peer;
      });
      const neighbour = desks.raw(port);
      neighbour.write(request("/desk/getUser", `{"id":"r${round}"}`));
      expect(await neighbour.ended).toMatch(new RegExp(`200 OK[^]*{"id":"r${round}","name":"Ada"}`));
      // A stream of input may be quiet for as long as it likes: it is ended here.
      const end = setTimeout(() => peers.map((peer) => peer.socket.end()), 400);
      for (const text of await Promise.all(peers.map((peer) => peer.ended))) {
        if (text === "") continue;
        answered++;
        expect(text).toMatch(/^HTTP\/1\.1 \d{3} /);
        expect(text).not.toMatch(/^HTTP\/1\.1 500 /m);
      }
      clearTimeout(end);
    }
  } finally {
    process.off("uncaughtException", note).off("unhandledRejection", note);
  }
  expect(broken).toEqual([]);
  expect(answered).toBeGreaterThan(500);
  expect(desk.running).toBe(0);
  expect(({} as Record<string, unknown>).admin).toBe(undefined);
}, 60_000);

test("one connection may not have any number of requests under way", async () => {
  const { port, desk } = await desks.open();
  const peer = desks.raw(port);
  peer.write(request("/desk/wait", "60000").repeat(65));
  await peer.ended;
  expect(desk.running).toBeLessThanOrEqual(64);
  await expect.poll(() => desk.aborted.length).toBe(desk.running);
});

test("many users over one connection: sessions of those who are idle are ended", async () => {
  const asked: unknown[] = [];
  const { port } = await desks.open(
    {},
    {
      authenticate: (given) => {
        if (given !== undefined) asked.push(given);
        return true;
      },
    },
  );
  const peer = desks.raw(port);
  const call = async (n: number): Promise<void> => {
    const before = peer.text.length;
    peer.write(
      request("/desk/echo", "1", `content-type: application/json\r\nAuthorization: Bearer u${n}\r\n`),
    );
    await expect.poll(() => peer.text.slice(before)).toMatch(/200 OK[\s\S]*1\n/);
  };
  for (let n = 0; n < 10; n++) await call(n);
  await call(9);
  expect(asked.length).toBe(10);
  // Two had to go.
  await call(0);
  expect(asked.at(-1)).toBe("u0");
  expect(asked.length).toBe(11);
});
