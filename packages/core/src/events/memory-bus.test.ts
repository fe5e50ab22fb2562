import { expect, test } from "vitest";
import { createFakeRuntime, settle } from "../testing/index.ts";
import type { BusEvent, BusSubscription } from "./event-bus.ts";
import { createMemoryBus } from "./memory-bus.ts";

// What every bus does: packages/conformance/src/bus/memory-bus.test.ts.

const event = (id: string, bytes = 2): BusEvent => ({
  name: "a",
  id,
  publishedAt: 0,
  metadata: {},
  contentType: "",
  payload: new Uint8Array(bytes).map((_, i) => i + 1),
});
const to = (handle: BusSubscription["handle"], queue?: string): BusSubscription => ({
  name: "a",
  queue,
  concurrency: 10,
  from: "new",
  handle,
  onTrouble: (error) => expect.fail(error.message),
});

test.each([
  ["many", 100_000, 2],
  ["large", 200, 1024 * 1024],
])("who publishes in a loop, nothing else having a turn, overruns nobody: %s", async (_, count, bytes) => {
  const deferred: (() => void)[] = [];
  const runtime = { ...createFakeRuntime(), defer: (fn: () => void) => void deferred.push(fn) };
  const turn = (): void => {
    for (const fn of deferred.splice(0)) fn();
  };
  const yieldToIo = (fn: () => void): void =>
    runtime.yieldToIo(() => {
      turn();
      fn();
    });
  const bus = createMemoryBus({
    runtime: { ...runtime, yieldToIo },
  });
  let handled = 0;
  await bus.subscribe(to(async () => void handled++));
  const one = event("1", bytes);
  for (let i = 0; i < count; i++) await bus.publish(one);
  turn();
  await settle();
  expect(handled).toBe(count);
});

test("the member of a queue that has least to do gets the next", async () => {
  const bus = createMemoryBus({ runtime: createFakeRuntime() });
  const seen = { busy: 0, idle: 0 };
  await bus.subscribe(
    to(() => {
      seen.busy++;
      return new Promise(() => {});
    }, "q"),
  );
  await bus.subscribe(to(async () => void seen.idle++, "q"));
  for (let i = 0; i < 10; i++) {
    await bus.publish(event(String(i)));
    await settle();
  }
  expect(seen).toEqual({ busy: 1, idle: 9 });
});

test("buses of one name in a process are one; what one handler does to the bytes no other sees", async () => {
  const runtime = createFakeRuntime();
  const [one, other, alone] = [{ name: "x" }, { name: "x" }, {}].map((o) =>
    createMemoryBus({ runtime, ...o }),
  );
  const seen: string[] = [];
  for (const [bus, label] of [
    [one, "one"],
    [other, "other"],
    [alone, "alone"],
  ] as const)
    await bus?.subscribe(
      to(async ({ event: { payload } }) => {
        seen.push(`${label} ${payload.join()}`);
        payload.fill(9);
      }),
    );
  await other?.publish(event("1"));
  await settle();
  expect(seen.sort()).toEqual(["one 1,2", "other 1,2"]);
});
