import { expect, test } from "vitest";
import type { CallContext } from "../context.ts";
import { RpcError } from "../errors/rpc-error.ts";
import { settle } from "../testing/fake-clock.ts";
import { joinPair } from "./test/session-pair.ts";

async function* count(to: number): AsyncGenerator<number> {
  for (let i = 0; i < to; i++) yield i;
}
async function collect(items: AsyncIterable<unknown>): Promise<unknown[]> {
  const out: unknown[] = [];
  for await (const item of items) out.push(item);
  return out;
}

test("streams in each direction", async () => {
  const pair = await joinPair({
    handlers: {
      count: { kind: "server-stream", handler: (input) => count(input as number) },
      sum: {
        kind: "client-stream",
        handler: async (input) => {
          let sum = 0;
          for await (const n of input as AsyncIterable<number>) sum += n;
          return sum;
        },
      },
      double: {
        kind: "bidi-stream",
        handler: async function* (input) {
          for await (const n of input as AsyncIterable<number>) yield n * 2;
        },
      },
    },
  });
  const stream = pair.call("count", 1000);
  expect(await collect(stream.items as AsyncIterable<unknown>)).toEqual([...Array(1000).keys()]);
  expect(await stream.result()).toBeUndefined();
  expect(await pair.call("sum", count(100)).result()).toBe(4950);
  expect(await collect(pair.call("double", count(5)).items as AsyncIterable<unknown>)).toEqual([
    0, 2, 4, 6, 8,
  ]);
  expect(pair.server.running).toBe(0);
  expect(pair.session.pending).toBe(0);
});

test("an error in a generator arrives as that error, behind the items before it", async () => {
  const pair = await joinPair({
    handlers: {
      fails: {
        kind: "server-stream",
        handler: async function* () {
          yield 1;
          throw new RpcError("NOT_FOUND", "no second item", { details: { at: 1 } });
        },
      },
    },
  });
  const seen: unknown[] = [];
  const call = pair.call("fails");
  const reading = (async () => {
    for await (const item of call.items as AsyncIterable<unknown>) seen.push(item);
  })();
  await expect(reading).rejects.toMatchObject({
    code: "NOT_FOUND",
    message: "no second item",
    executed: "yes",
    retry: "none",
    details: { at: 1 },
  });
  expect(seen).toEqual([1]);
});

test("break ends the generator at the other end", async () => {
  let ended = "no";
  const pair = await joinPair({
    handlers: {
      forever: {
        kind: "server-stream",
        handler: async function* () {
          try {
            for (let i = 0; ; i++) yield i;
          } finally {
            ended = "yes";
          }
        },
      },
    },
  });
  for await (const item of pair.call("forever").items as AsyncIterable<unknown>) if (item === 10) break;
  await settle();
  expect(ended).toBe("yes");
  expect(pair.server.running).toBe(0);
  expect(pair.session.pending).toBe(0);
});

test("a slow reader bounds what is sent ahead", async () => {
  let made = 0;
  const pair = await joinPair({
    client: { limits: { streamWindowBytes: 4096 } },
    handlers: {
      big: {
        kind: "server-stream",
        handler: async function* () {
          for (; made < 1000; made++) yield "x".repeat(100);
        },
      },
    },
  });
  const { items } = pair.call("big");
  for (let i = 0; i < 20; i++) await settle();
  expect(made).toBeGreaterThan(5);
  expect(made).toBeLessThan(300);
  expect((await collect(items as AsyncIterable<unknown>)).length).toBe(1000);
});

test("a stream that its handler cuts short at the deadline does not look whole", async () => {
  let context: CallContext | undefined;
  const pair = await joinPair({
    handlers: {
      until: {
        kind: "server-stream",
        handler: async function* (_, ctx) {
          context = ctx;
          yield 1;
          await new Promise<void>((resolve) => ctx.onAbort(() => resolve()));
        },
      },
    },
  });
  const call = pair.call("until", undefined, { expiresAt: 100 });
  const seen: unknown[] = [];
  const reading = (async () => {
    for await (const item of call.items as AsyncIterable<unknown>) seen.push(item);
  })();
  const failed = reading.catch((error: unknown) => error);
  await settle();
  // The handler knows before the caller's own look at its deadlines.
  pair.runtime.clock.advance(100);
  expect(context?.aborted).toBe(true);
  await pair.runtime.clock.advanceAsync(20);
  expect(await failed).toMatchObject({ code: "DEADLINE_EXCEEDED" });
  expect(seen).toEqual([1]);
});
