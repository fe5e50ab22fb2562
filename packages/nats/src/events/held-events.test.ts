import { expect, test } from "vitest";
import { type Held, HeldEvents } from "./held-events.ts";

const held = (sequence: number, since = 0): Held => ({
  sequence,
  key: `${sequence}.0`,
  event: {
    name: "user",
    id: `e-${sequence}`,
    publishedAt: 0,
    metadata: {},
    contentType: "application/json",
    payload: new Uint8Array(),
  },
  attempt: 1,
  ack: "",
  since,
  toldAt: since,
});
const numbers = (all: readonly Held[]): number[] => all.map(({ sequence }) => sequence);

test("in order, and counted until they are done with", () => {
  const events = new HeldEvents();
  expect(events.first).toBe(Number.POSITIVE_INFINITY);
  for (const n of [5, 3, 4]) events.add(held(n));
  const next = events.next() as Held;
  expect(next.sequence).toBe(5);
  expect([events.size, events.first]).toEqual([3, 3]);
  expect(events.remove(next)).toBe(true);
  expect(events.remove(next)).toBe(false);
  expect(events.size).toBe(2);
});

test("what the server gives to others is not begun; what is handled goes on", () => {
  const events = new HeldEvents();
  for (const n of [1, 2, 3]) events.add(held(n, n * 10));
  const running = events.next() as Held;
  events.dropToldBefore(25);
  expect(events.get("2.0")).toBeUndefined();
  expect(events.get("1.0")).toBe(running);
  expect(numbers(events.toldBefore(30))).toEqual([1, 3]);
  expect(events.next()?.sequence).toBe(3);
  expect(events.next()).toBeUndefined();
});

test("what has waited for long is taken out, to be left to others", () => {
  const events = new HeldEvents();
  for (const n of [1, 2, 3]) events.add(held(n, n * 10));
  const older = events.takeOlder(20);
  expect(numbers(older)).toEqual([1]);
  expect(older.map((one) => events.remove(one))).toEqual([true]);
  expect(numbers(events.takeOlder())).toEqual([2, 3]);
  expect(events.next()).toBeUndefined();
});

test("what is at its last attempt waits on", () => {
  const events = new HeldEvents();
  for (const n of [1, 2, 3]) events.add({ ...held(n), attempt: n });
  expect(numbers(events.takeOlder(10, 2))).toEqual([1]);
  expect(events.next()?.sequence).toBe(2);
});

test("when numbers mean other events, what is handled is done with in silence", () => {
  const events = new HeldEvents();
  events.add(held(1));
  const before = events.next() as Held;
  events.forgetNumbers();
  events.add(held(1));
  expect(events.remove(before)).toBe(false);
  expect(events.size).toBe(1);
});
