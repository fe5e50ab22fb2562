import { expect, it } from "vitest";
import { createFakeRuntime } from "../testing/fake-clock.ts";
import { type Waiter, WaitingRoom } from "./waiting-room.ts";

function waiter(name: string, expiresAt: number, log: string[], resume?: () => void): Waiter {
  return {
    expiresAt,
    resume: () => {
      log.push(`${name} resumed`);
      resume?.();
    },
    expire: () => log.push(`${name} expired`),
  };
}

it("expires each at its time, with one timer", () => {
  const runtime = createFakeRuntime();
  const { clock } = runtime;
  const room = new WaitingRoom(runtime);
  const log: string[] = [];
  room.add(waiter("late", 300, log));
  room.add(waiter("early", 100, log));
  room.add(waiter("never", Number.POSITIVE_INFINITY, log));
  expect(clock.timers).toBe(1);
  clock.advance(99);
  expect(log).toEqual([]);
  clock.advance(1);
  expect(log).toEqual(["early expired"]);
  clock.advance(200);
  expect(log).toEqual(["early expired", "late expired"]);
  expect([room.size, clock.timers]).toEqual([1, 0]);
});

it("wakes everybody once, in order, those too that come to wait again", () => {
  const runtime = createFakeRuntime();
  const { clock } = runtime;
  const room = new WaitingRoom(runtime);
  const log: string[] = [];
  const again = waiter("a", 100, log, () => room.add(again));
  room.add(again);
  room.add(waiter("b", 200, log));
  room.wake();
  expect(log).toEqual(["a resumed", "b resumed"]);
  expect(room.size).toBe(1);
  clock.advance(100);
  expect(log.at(-1)).toBe("a expired");
  expect(clock.timers).toBe(0);
});

it("leaves no timer when the last has gone", () => {
  const runtime = createFakeRuntime();
  const { clock } = runtime;
  const room = new WaitingRoom(runtime);
  const one = waiter("a", 100, []);
  room.add(one);
  room.remove(one);
  expect([room.size, clock.timers]).toEqual([0, 0]);
});

it("of many, wakes some in a turn: others' time ends in between, and who comes again is not woken twice", async () => {
  const { clock } = createFakeRuntime();
  const turns: (() => void)[] = [];
  const room = new WaitingRoom({ clock, yieldToIo: (fn) => void turns.push(fn) });
  const log: string[] = [];
  for (let n = 0; n < 150; n++) {
    const one = waiter(`${n}`, n === 149 ? 10 : 1000, log, () => room.add(one));
    room.add(one);
  }
  room.wake();
  expect([log.length, log.at(-1), turns.length]).toEqual([64, "63 resumed", 1]);
  clock.advance(10);
  expect(log.at(-1)).toBe("149 expired");
  // Something has changed meanwhile: everybody is woken for that, once, those not woken yet first.
  room.wake();
  expect([log.length, turns.length]).toEqual([65, 1]);
  while (turns.length > 0) turns.shift()?.();
  const resumed = log.slice(65);
  expect(resumed).toHaveLength(149);
  expect([resumed[0], resumed[84], resumed[85]]).toEqual(["64 resumed", "148 resumed", "0 resumed"]);
  expect(room.size).toBe(149);
});
