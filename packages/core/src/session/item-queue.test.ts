import { expect, test } from "vitest";
import { ItemQueue } from "./item-queue.ts";

function connected(): { queue: ItemQueue<number>; consumed: number[]; abandoned: number } {
  const world = { queue: new ItemQueue<number>(), consumed: [] as number[], abandoned: 0 };
  world.queue.connect({ consumed: (b) => world.consumed.push(b), abandoned: () => world.abandoned++ });
  return world;
}

test("items before and after their readers, in order; bytes are counted when they are taken", async () => {
  const w = connected();
  w.queue.push(1, 10);
  expect(w.consumed).toEqual([]);
  expect(await w.queue.next()).toEqual({ value: 1, done: false });
  expect(w.consumed).toEqual([10]);
  const second = w.queue.next();
  const third = w.queue.next();
  w.queue.pushAll([2, 3], 21);
  expect(await Promise.all([second, third])).toEqual([
    { value: 2, done: false },
    { value: 3, done: false },
  ]);
  expect(w.consumed.reduce((a, b) => a + b)).toBe(31);
  w.queue.end();
  expect(await w.queue.next()).toEqual({ value: undefined, done: true });
});

test("what was pushed is read before the end and before an error, which comes once", async () => {
  const w = connected();
  w.queue.push(1, 1);
  w.queue.fail(new Error("gone"));
  w.queue.push(2, 1);
  expect((await w.queue.next()).value).toBe(1);
  await expect(w.queue.next()).rejects.toThrow("gone");
  expect((await w.queue.next()).done).toBe(true);
});

test("a waiting reader gets the error", async () => {
  const w = connected();
  const first = w.queue.next();
  const second = w.queue.next();
  w.queue.fail(new Error("gone"));
  await expect(first).rejects.toThrow("gone");
  expect((await second).done).toBe(true);
});

test("an error that nobody reads is no unhandled rejection", async () => {
  const w = connected();
  w.queue.fail(new Error("gone"));
  await new Promise((resolve) => setImmediate(resolve));
});

test("return() and throw() tell the source once", async () => {
  const w = connected();
  w.queue.push(1, 5);
  expect(await w.queue.return()).toEqual({ value: undefined, done: true });
  await w.queue.return();
  expect(w.abandoned).toBe(1);
  const t = connected();
  await expect(t.queue.throw(new Error("x"))).rejects.toThrow("x");
  expect(t.abandoned).toBe(1);
});

test("return() after the end tells nobody", async () => {
  const w = connected();
  w.queue.end();
  await w.queue.return();
  expect(w.abandoned).toBe(0);
});
