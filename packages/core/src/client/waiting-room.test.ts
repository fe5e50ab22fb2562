import { expect, it } from "vitest";
import { FakeClock } from "../testing/fake-clock.ts";
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
  const clock = new FakeClock();
  const room = new WaitingRoom(clock);
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
  const clock = new FakeClock();
  const room = new WaitingRoom(clock);
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
  const clock = new FakeClock();
  const room = new WaitingRoom(clock);
  const one = waiter("a", 100, []);
  room.add(one);
  room.remove(one);
  expect([room.size, clock.timers]).toEqual([0, 0]);
});
