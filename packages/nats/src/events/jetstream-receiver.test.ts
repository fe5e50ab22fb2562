import type { BusDelivery } from "@skein/core";
import { createFakeRuntime, type FakeRuntime, settle } from "@skein/core/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { EventLink } from "./event-link.ts";
import { JetStreamReceiver } from "./jetstream-receiver.ts";
import { JetStreamPort } from "./test/jetstream-port.ts";

const stream = {
  name: "EVENTS",
  maxDeliver: 2,
  ackWaitMs: 30_000,
  backoffMs: [1000],
  dead: "skein.dead",
  replicas: 1,
  maxAgeMs: 0,
};

let runtime: FakeRuntime;
let port: JetStreamPort;
let receiver: JetStreamReceiver;
let attempts: number[];
let troubles: string[];
let lost: number;
let handle: (delivery: BusDelivery) => Promise<void>;
beforeEach(async () => {
  runtime = createFakeRuntime();
  port = new JetStreamPort();
  attempts = [];
  troubles = [];
  lost = 0;
  handle = async () => {};
  const link = new EventLink({ name: "nats://scripted", prefix: "skein", runtime, connect: () => port });
  await link.ready();
  receiver = new JetStreamReceiver({
    link,
    prefix: "skein",
    stream,
    subscription: {
      name: "user",
      queue: "mailer",
      concurrency: 1,
      from: "new",
      handle: (delivery) => {
        attempts.push(delivery.attempt);
        return handle(delivery);
      },
      onTrouble: (error, cost = 0) => {
        troubles.push(error.message);
        lost += cost;
      },
    },
    ensureStreams: async () => {},
    over: () => {},
  });
  await receiver.begin();
  expect(port.asked.splice(0)).toEqual([1]);
});
afterEach(() => receiver.abandon());

const given = async (sequence: number, attempt?: number, subject?: string): Promise<void> => {
  port.give(sequence, attempt, subject);
  await settle();
};

test("what is done and comes again is asked for anew", async () => {
  await given(1);
  expect(port.asked).toEqual([17]);
  for (let i = 0; i < 17; i++) await given(1, 2);
  expect(attempts).toEqual([1]);
  expect(port.said).toEqual(Array(18).fill("+ACK 1"));
  expect(port.asked.reduce((sum, count) => sum + count)).toBeGreaterThan(17);
});

test("what comes after a standstill is left to others, and asked for anew once the server has answered", async () => {
  const { clock } = runtime;
  clock.fresh = () => clock.monotonic() + 16_000;
  await given(1);
  expect([attempts, port.asked]).toEqual([[], []]);
  port.pong();
  await settle();
  expect(port.asked).toEqual([1]);
  await clock.advanceAsync(5000);
  port.pong();
  await settle();
  await given(1, 2);
  expect(attempts).toEqual([2]);
});

test("given out often and never handled: once more, and a dead letter when that fails", async () => {
  handle = async () => {
    throw new Error("no such mailbox");
  };
  await given(1, 4);
  expect([attempts, port.dead.length, lost]).toEqual([[4], 1, 1]);
  await given(2, 5);
  expect([attempts, port.dead.length, lost]).toEqual([[4], 2, 2]);
  expect(port.dead.map(({ headers }) => headers.get("Skein-Dead-Attempts"))).toEqual(["4", "4"]);
  expect(port.said).toEqual(["+TERM 1", "+TERM 2"]);
});

test("what waits for long goes to others, unless it has no attempt left there", async () => {
  await given(1);
  let done: () => void = () => {};
  handle = () =>
    new Promise((resolve) => {
      done = resolve;
    });
  await given(2);
  await given(3, 1);
  await given(4, 2);
  await runtime.clock.advanceAsync(40_000);
  expect(port.said.filter((word) => !word.startsWith("+WPI"))).toEqual(["+ACK 1", "-NAK 3"]);
  handle = async () => {};
  done();
  await settle();
  expect(attempts).toEqual([1, 1, 2]);
  expect(port.said.slice(-2)).toEqual(["+ACK 2", "+ACK 4"]);
});

test.each([
  ["has no text", Object.create(null), "what was thrown cannot be written"],
  ["has a message that is no text", Object.assign(new Error(), { message: 7 }), "7"],
  ["is no Error", "no such mailbox", "no such mailbox"],
])("what is thrown %s: a dead letter all the same", async (_, thrown, reason) => {
  handle = async () => {
    throw thrown;
  };
  await given(1, 2);
  expect(port.dead[0]?.headers.get("Skein-Dead-Reason")).toBe(reason);
  expect(troubles[0]).toContain(`kept as skein.dead.user: ${reason}`);
});

test("what goes wrong after a handler is told", async () => {
  const { publish } = port;
  port.publish = (subject, ...rest) => {
    if (subject.includes("MSG.NEXT")) throw new Error("the socket is no more");
    publish.call(port, subject, ...rest);
  };
  await given(1);
  expect([port.said, troubles]).toEqual([["+ACK 1"], ["the socket is no more"]]);
});

test("what is passed over counts as lost", async () => {
  await given(1, 1, "skein.events.ü");
  expect([port.said, lost]).toEqual([["+TERM 1"], 1]);
  expect(port.asked).toEqual([1]);
});
