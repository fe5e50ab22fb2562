import { expect, test } from "vitest";
import { DeliveryQueue } from "./delivery-queue.ts";
import type { BusDelivery } from "./event-bus.ts";

const delivery = (id: string, bytes = 0): BusDelivery => ({
  event: { name: "a", id, publishedAt: 0, metadata: {}, contentType: "", payload: new Uint8Array(bytes) },
  attempt: 1,
});

function setUp(concurrency: number, mostWaiting?: number, mostBytes?: number) {
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const troubles: [string, number | undefined][] = [];
  const deferred: (() => void)[] = [];
  const queue = new DeliveryQueue({
    mostWaiting,
    mostBytes,
    defer: (fn) => void deferred.push(fn),
    subscription: {
      name: "a",
      queue: undefined,
      concurrency,
      from: "new",
      handle: ({ event }) => {
        begun.push(event.id);
        return new Promise((resolve) => ends.push(resolve));
      },
      onTrouble: (error, lost) => void troubles.push([error.message, lost]),
    },
  });
  const settle = async (): Promise<void> => {
    for (const fn of deferred.splice(0)) fn();
    for (let i = 0; i < 5; i++) await undefined;
  };
  return { queue, begun, ends, troubles, settle };
}

test("what too many wait for is dropped, told when it begins and how many it was", async () => {
  const { queue, begun, ends, troubles, settle } = setUp(1, 2);
  queue.push(delivery("1"));
  expect(begun).toEqual([]);
  await settle();
  for (const id of ["2", "3", "4", "5", "6"]) queue.push(delivery(id));
  expect(troubles).toEqual([
    ["a: events are dropped from now on, as 2 wait for their handler, 0 bytes in all", 1],
    ["a: 2 events were dropped so far, as too many wait", 1],
  ]);
  for (let i = 0; i < 3; i++) {
    ends[i]?.();
    await settle();
  }
  expect(begun).toEqual(["1", "2", "3"]);
  expect(troubles.slice(2)).toEqual([["a: 3 events were dropped, as too many waited", 1]]);
});

test("once too many bytes wait, what comes is dropped, until they are taken", async () => {
  const { queue, begun, troubles, settle } = setUp(1, undefined, 10);
  for (const id of ["1", "2", "3"]) queue.push(delivery(id, 6));
  expect([queue.waiting, queue.waitingBytes]).toEqual([2, 12]);
  expect(troubles).toEqual([
    ["a: events are dropped from now on, as 2 wait for their handler, 12 bytes in all", 1],
  ]);
  await settle();
  expect([begun, queue.waitingBytes]).toEqual([["1"], 6]);
  queue.push(delivery("4", 20));
  expect([queue.waiting, queue.waitingBytes, troubles.length]).toEqual([2, 26, 1]);
  queue.destroy();
  expect(queue.waitingBytes).toBe(0);
});

test("while an overload lasts, what is dropped is told: as often as it doubles, and each 1,000", () => {
  const { queue, troubles } = setUp(1, 2);
  for (let i = 0; i < 2 + 5000; i++) queue.push(delivery(String(i)));
  const told = troubles.map(([, lost]) => lost);
  expect(told).toEqual([1, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000, 1000, 1000]);
  expect(troubles.at(-1)?.[0]).toBe("a: 4024 events were dropped so far, as too many wait");
  queue.destroy();
  expect(troubles.slice(told.length)).toEqual([
    ["a: 5000 events were dropped, as too many waited", 976],
    ["a: 2 events that waited for their handler are lost: it was closed", 2],
  ]);
});

test("destroy() begins nothing any more, says what is lost, and lets close() end", async () => {
  const { queue, begun, troubles, settle } = setUp(1);
  for (const id of ["1", "2", "3"]) queue.push(delivery(id));
  await settle();
  let closed = false;
  void queue.close().then(() => {
    closed = true;
  });
  await settle();
  expect(closed).toBe(false);
  queue.destroy();
  queue.destroy();
  await settle();
  expect([closed, begun]).toEqual([true, ["1"]]);
  expect(troubles).toEqual([["a: 2 events that waited for their handler are lost: it was closed", 2]]);
});

test("many that wait are begun in their order", async () => {
  const { queue, begun, ends, settle } = setUp(7);
  const ids = Array.from({ length: 5000 }, (_, i) => String(i));
  for (const id of ids) queue.push(delivery(id));
  await settle();
  for (let ended = 0; ended < ids.length; await settle())
    for (const end of ends.slice(ended)) {
      ended++;
      end();
    }
  expect(begun).toEqual(ids);
});
