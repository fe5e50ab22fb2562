import { createFakeRuntime, type FakeRuntime } from "@skein/core/testing";
import { beforeEach, expect, test } from "vitest";
import { Outbox } from "./outbox.ts";
import type { RecordSet } from "./responder.ts";
import type { Message } from "./wire.ts";

let runtime: FakeRuntime;
let outbox: Outbox;
let sent: { at: number; names: string[] }[];
let fault: Error | undefined;
let gone: Set<string>;

const setOf = (key: string, bytes = 10): RecordSet => [
  { type: "TXT", name: key, ttl: 10, data: [new Uint8Array(bytes)] },
];

beforeEach(() => {
  runtime = createFakeRuntime();
  sent = [];
  fault = undefined;
  gone = new Set();
  const send = async (message: Message): Promise<void> => {
    if (fault !== undefined) throw fault;
    const names = message.type === "response" ? message.records.map((r) => r.name) : [];
    sent.push({ at: runtime.clock.monotonic(), names });
  };
  outbox = new Outbox(runtime, (key) => (gone.has(key) ? [] : setOf(key)), send);
});

test("what is said in one tick goes in one message, each once", async () => {
  await Promise.all([outbox.soon(["a"]), outbox.soon(["b", "a"])]);
  expect(sent).toEqual([{ at: 0, names: ["a", "b"] }]);
});

test("what cannot be sent rejects for whoever waits, and for nobody else", async () => {
  fault = new Error("ENETUNREACH");
  outbox.later(["x"], 0);
  await expect(outbox.soon(["a"])).rejects.toThrow("ENETUNREACH");
  await runtime.clock.advanceAsync(100);
  fault = undefined;
  await outbox.soon(["a"]);
  expect(sent.length).toBe(1);
});

test("many answers to many questions go together, and the same no more often than each 200 ms", async () => {
  for (let at = 0; at < 1000; at += 10) {
    outbox.later(["a"], 20);
    if (at === 500) outbox.later(["b"], 20);
    await runtime.clock.advanceAsync(10);
  }
  const ofA = sent.filter(({ names }) => names.includes("a")).map(({ at }) => at);
  expect(ofA.length).toBe(5);
  for (const [n, at] of ofA.entries())
    if (n > 0) expect(at - (ofA[n - 1] as number)).toBeGreaterThanOrEqual(200);
  expect(sent.filter(({ names }) => names.includes("b")).map(({ at }) => at)).toEqual([520]);
});

test("what is gone when its time comes is not said", async () => {
  outbox.later(["a", "b"], 50);
  gone.add("a");
  await runtime.clock.advanceAsync(100);
  expect(sent.map(({ names }) => names)).toEqual([["b"]]);
});

test("much is sent with pauses, in order", async () => {
  const sets = Array.from({ length: 300 }, (_, n) => setOf(`n${n}`, 250));
  const done = outbox.say(sets);
  await runtime.clock.advanceAsync(0);
  const atOnce = sent.length;
  await runtime.clock.advanceAsync(1000);
  await done;
  expect(atOnce).toBeLessThanOrEqual(25);
  expect(sent.flatMap(({ names }) => names)).toEqual(sets.map(([r]) => r?.name));
});

test("closed, what waits is refused and nothing is said any more", async () => {
  const done = outbox.say(Array.from({ length: 300 }, (_, n) => setOf(`n${n}`, 250)));
  outbox.later(["a"], 10);
  outbox.close();
  await expect(done).rejects.toThrow("closed");
  const { length } = sent;
  outbox.later(["b"], 10);
  await runtime.clock.advanceAsync(1000);
  expect(sent.length).toBe(length);
  expect(runtime.clock.timers).toBe(0);
});
