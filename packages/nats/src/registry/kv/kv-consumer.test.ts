import { createFakeRuntime } from "@skein/core/testing";
import { beforeEach, expect, test } from "vitest";
import type { NatsMessage } from "../../nats-port.ts";
import type { Delivered } from "./delivered.ts";
import { KvConsumer } from "./kv-consumer.ts";

let runtime: ReturnType<typeof createFakeRuntime>;
beforeEach(() => {
  runtime = createFakeRuntime();
});

function open(pending: number, delivered = 0) {
  let hear: (message: NatsMessage) => void = () => {};
  const world = {
    taken: [] as number[],
    deaf: [] as string[],
    published: [] as string[],
    deleted: [] as string[],
    listening: true,
    loaded: undefined as unknown,
    /** The n-th that it delivers. */
    send(n: number, left: number): void {
      const reply = `$JS.ACK.KV_b.c.1.${100 + n}.${n}.1700000000000000000.${left}`;
      hear({ subject: "s", reply, bytes: new Uint8Array(), nobody: false });
    },
    beat(reply: string | undefined, last?: number): void {
      const get = (name: string): string =>
        name === "Nats-Last-Consumer" && last !== undefined ? String(last) : "";
      const headers = { code: 100, description: "", get, names: () => [] };
      hear({ subject: "d", reply, bytes: new Uint8Array(), nobody: false, headers });
    },
  };
  const consumer = new KvConsumer({
    runtime,
    stream: "KV_b",
    filter: "s",
    js: {
      makeConsumer: async () => ({
        name: "c",
        num_pending: pending,
        delivered: { consumer_seq: delivered },
      }),
      deleteConsumer: async (_, name) => void world.deleted.push(name),
    },
    link: {
      connected: true,
      delivery(take) {
        hear = take;
        return {
          subject: "d",
          end() {
            world.listening = false;
          },
        };
      },
      publish: (subject) => void world.published.push(subject),
      unavailable: (error) => error as never,
    },
    take: (message: Delivered) => void world.taken.push(message.count),
    deaf: (error) => void world.deaf.push(error.message),
  });
  void consumer.start().then(
    () => {
      world.loaded = true;
    },
    (error: Error) => {
      world.loaded = error.message;
    },
  );
  return { ...world, world, consumer };
}
const pass = (ms: number): Promise<void> => runtime.clock.advanceAsync(ms);

test("loaded at once where nothing is there, else when the last of those at the beginning came", async () => {
  const empty = open(0).world;
  const some = open(2).world;
  const early = open(1, 1).world;
  early.send(1, 1);
  await pass(0);
  some.send(1, 1);
  await pass(0);
  expect([empty.loaded, some.loaded, early.loaded]).toEqual([true, undefined, undefined]);
  some.send(2, 0);
  early.send(2, 0);
  await pass(0);
  expect([some.loaded, early.loaded]).toEqual([true, true]);
  expect(some.taken).toEqual([1, 2]);
});

test("some of those at the beginning were replaced: loaded when nothing waits, or with a heartbeat", async () => {
  const [one, other] = [open(3).world, open(3).world];
  await pass(0);
  one.send(1, 0);
  other.beat(undefined, 0);
  await pass(0);
  expect([one.loaded, other.loaded]).toEqual([true, true]);
});

test("a gap, or a heartbeat that knows more than came: deaf, and nothing is taken any more", async () => {
  const [gap, beat] = [open(0).world, open(0).world];
  await pass(0);
  gap.send(1, 0);
  gap.send(3, 0);
  gap.send(4, 0);
  beat.send(1, 0);
  beat.beat(undefined, 1);
  expect(beat.deaf).toEqual([]);
  beat.beat(undefined, 2);
  for (const world of [gap, beat]) {
    expect(world.taken).toEqual([1]);
    expect(world.deaf.length).toBe(1);
    expect(world.deleted).toEqual(["c"]);
  }
});

test("silence is deafness: 12 s, and 2 s while more must come", async () => {
  const [silent, stalled, beating] = [open(0).world, open(2).world, open(0).world];
  await pass(0);
  stalled.send(1, 1);
  await pass(2100);
  expect(stalled.deaf).toEqual(["JetStream's consumer is lost: nothing was heard for 2000 ms"]);
  expect(stalled.loaded).toBe(stalled.deaf[0]);
  for (let n = 0; n < 3; n++) {
    beating.beat(undefined, 0);
    await pass(5000);
  }
  expect([silent.deaf.length, beating.deaf.length]).toEqual([1, 0]);
});

test("the server is told that we keep up, and nobody else", async () => {
  const { world } = open(0);
  await pass(0);
  world.beat("$JS.FC.KV_b.c.x1");
  world.beat("evil");
  expect(world.published).toEqual(["$JS.FC.KV_b.c.x1"]);
});

test("ended: no timer, no listening, nothing told", async () => {
  const { consumer, world } = open(5);
  await pass(0);
  consumer.end();
  await pass(20_000);
  expect(world).toMatchObject({ deaf: [], deleted: ["c"], loaded: "ended", listening: false });
  expect(runtime.clock.timers).toBe(0);
});
