import { expect, test } from "vitest";
import { DeliveryQueue } from "./delivery-queue.ts";
import type { BusDelivery } from "./event-bus.ts";

const delivery = (id: string): BusDelivery => ({
  event: { name: "a", id, publishedAt: 0, metadata: {}, contentType: "", payload: new Uint8Array(0) },
  attempt: 1,
});

function setUp(concurrency: number, mostWaiting?: number) {
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const troubles: [string, number | undefined][] = [];
  const deferred: (() => void)[] = [];
  const queue = new DeliveryQueue({
    mostWaiting,
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
  expect(troubles).toEqual([["a: events are dropped from now on, as 2 wait for their handler", 1]]);
  for (let i = 0; i < 3; i++) {
    ends[i]?.();
    await settle();
  }
  expect(begun).toEqual(["1", "2", "3"]);
  expect(troubles.slice(1)).toEqual([["a: 3 events were dropped, as too many waited", 2]]);
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
