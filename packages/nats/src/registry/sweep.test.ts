import { sampleInstance } from "@skein/conformance";
import { createFakeRuntime } from "@skein/core/testing";
import { expect, test } from "vitest";
import { Presence } from "./presence.ts";
import { Sweep } from "./sweep.ts";

const TTL_MS = 3000;

/** One instance, heard of at 0; asked about, the server takes what `answers` says: ms, or for ever. */
function open(...answers: number[]) {
  const runtime = createFakeRuntime();
  const { clock } = runtime;
  const presence = new Presence(() => {});
  const asked: number[] = [];
  const world = { connected: true };
  const answer = (ms: number): Promise<void> =>
    new Promise((resolve, reject) => {
      clock.setTimer(Math.min(ms, 2000), () => (ms > 2000 ? reject(new Error("frozen")) : resolve()));
    });
  const begun = clock.fresh();
  const sweep = new Sweep({
    runtime,
    presence,
    connected: () => world.connected,
    ask() {
      asked.push(clock.fresh() - begun);
      return answer(answers.length > 1 ? (answers.shift() as number) : (answers[0] ?? 0));
    },
    flush: () => answer(1),
  });
  const said = { lease: "l", ttlMs: TTL_MS, leftMs: TTL_MS, now: begun };
  presence.add({ instance: sampleInstance("user"), written: 1 }, said);
  sweep.wakeAt(begun + TTL_MS);
  return {
    world,
    sweep,
    asked,
    clock,
    count: () => presence.instances("user").length,
    pass: (ms: number) => clock.advanceAsync(ms),
  };
}

test("over: asked, and gone 250 ms later", async () => {
  const { pass, count, asked } = open(5);
  await pass(3200);
  expect([count(), asked]).toEqual([1, [3000]]);
  await pass(100);
  expect(count()).toBe(0);
});

test("a server that did not answer is asked again, and who could not be heard has TTL/3 + 0.6 s from its answer on", async () => {
  const { pass, count, asked } = open(9999, 9999, 500, 5);
  await pass(3000 + 2000 + 100 + 2000 + 100 + 500 + 251);
  expect([count(), asked.length]).toEqual([1, 3]);
  await pass(TTL_MS / 3 + 590);
  expect([count(), asked.length]).toEqual([1, 3]);
  await pass(300);
  expect(count()).toBe(0);
});

test("an answer that was late may be that of a frozen server: forgiven, but not twice in a row", async () => {
  const { pass, count } = open(1500);
  await pass(3000 + 1500 + 300);
  expect(count()).toBe(1);
  await pass(TTL_MS / 3 + 600 + 1500 + 300);
  expect(count()).toBe(0);
});

test("without a connection nothing ends; afterwards there is TTL/3 + 0.6 s", async () => {
  const { pass, count, asked, world, sweep } = open(5);
  world.connected = false;
  await pass(100_000);
  expect([count(), asked]).toEqual([1, []]);
  world.connected = true;
  sweep.connected();
  await pass(TTL_MS / 3 + 600 + 200);
  expect(count()).toBe(1);
  await pass(100);
  expect(count()).toBe(0);
});

test("what was asked before a disconnection proves nothing", async () => {
  const { pass, count, sweep, clock } = open(5);
  await pass(3100);
  sweep.disconnected();
  await pass(200);
  expect(count()).toBe(1);
  sweep.stop();
  expect(clock.timers).toBe(0);
});
