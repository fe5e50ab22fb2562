import { expect, test } from "vitest";
import { DEFAULT_QUEUE, resolveQueue } from "./queue-options.ts";

test("what is not given is the default; nothing else is changed", () => {
  expect(resolveQueue(undefined)).toEqual(DEFAULT_QUEUE);
  expect(resolveQueue({ maxQueue: 5, heapLimit: false, targetMs: undefined as unknown as number })).toEqual({
    ...DEFAULT_QUEUE,
    maxQueue: 5,
    heapLimit: false,
  });
});

test.each([
  [{ target: 5 }, "queue.target is not known: there are maxQueue, targetMs, intervalMs, heapLimit"],
  [{ toString: 5 }, "queue.toString is not known"],
  [{ maxQueue: 0 }, "queue.maxQueue is 0: give a whole number from 1 to 2147483647"],
  [{ maxQueue: 1.5 }, "queue.maxQueue is 1.5: "],
  [{ targetMs: "20" }, 'queue.targetMs is "20": give milliseconds above 0'],
  [{ intervalMs: Number.NaN }, "queue.intervalMs is NaN: "],
  [{ heapLimit: 85 }, "queue.heapLimit is 85: give a share above 0.05 and below 1, or false"],
  [{ heapLimit: true }, "queue.heapLimit is true: "],
])("%o is refused", (given, message) => {
  expect(() => resolveQueue(given as object)).toThrow(message);
});
