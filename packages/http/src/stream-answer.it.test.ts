import { once } from "node:events";
import { createServer } from "node:http";
import { FakeClock } from "@skein/core/testing";
import { expect, test } from "vitest";
import { DEFAULT_CALL_LIMITS } from "./limits.ts";
import { sendStream } from "./stream-answer.ts";
import { RawPeer } from "./test/bench.ts";

/** Gives what it is told to. */
function source() {
  let give: (result: IteratorResult<unknown>) => void = () => {};
  const items: AsyncIterable<unknown> = {
    [Symbol.asyncIterator]: () => ({ next: () => new Promise((resolve) => (give = resolve)) }),
  };
  return {
    items,
    give: (value: unknown) => give({ value, done: false }),
    end: () => give({ value: undefined, done: true }),
  };
}

async function open(accept: string) {
  const clock = new FakeClock();
  const { items, ...control } = source();
  const server = createServer((request, response) => {
    const exchange = {
      ...{ request, response, limits: DEFAULT_CALL_LIMITS },
      ...{ path: "/", query: "", draining: () => false },
    };
    void sendStream(exchange, items, {}, clock, () => undefined);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const peer = new RawPeer((server.address() as { port: number }).port);
  peer.write(`GET / HTTP/1.1\r\nHost: x\r\nAccept: ${accept}\r\n\r\n`);
  await expect.poll(() => clock.timers).toBe(1);
  const close = async (): Promise<void> => {
    peer.socket.destroy();
    server.close();
    await once(server, "close");
    expect(clock.timers).toBe(0);
  };
  return { clock, peer, close, ...control };
}

test("a quiet stream of events begins after a second, and has a comment each 15 s", async () => {
  const { clock, peer, close, give, end } = await open("text/event-stream");
  await clock.advanceAsync(999);
  expect(peer.text).toBe("");
  await clock.advanceAsync(1);
  await peer.until("200 OK");
  await clock.advanceAsync(15_000);
  await peer.until("\r\n: \n\n\r\n");
  give(7);
  await peer.until("data: 7\n\n");
  await clock.advanceAsync(15_000);
  await peer.until(/data: 7[\s\S]*: \n\n/);
  await clock.advanceAsync(0);
  end();
  await peer.until("event: end");
  await close();
});

test("lines have none", async () => {
  const { clock, peer, close, give, end } = await open("*/*");
  await clock.advanceAsync(60_000);
  give("x");
  await peer.until('"x"\n');
  await clock.advanceAsync(0);
  end();
  await peer.until("skein-code: OK");
  expect(peer.text.split("\r\n\r\n")[1]).toBe('4\r\n"x"\n\r\n0\r\nskein-code: OK');
  await close();
});
