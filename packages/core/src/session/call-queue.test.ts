import { expect, test } from "vitest";
import type { Priority } from "../endpoint.ts";
import { CallQueue } from "./call-queue.ts";
import { RecordedCall } from "./test/session-pair.ts";

function call(name: string, priority: Priority, expiresAt = Number.POSITIVE_INFINITY): RecordedCall {
  const endpoint = { id: 1, name, kind: "unary", idempotent: true, timeoutMs: undefined, priority } as const;
  return new RecordedCall(endpoint, name, { expiresAt });
}

test("urgent work does not wait behind what came before it; within a priority order is kept", () => {
  const queue = new CallQueue();
  for (const [name, priority] of [
    ["s", "sheddable"],
    ["n1", "normal"],
    ["n2", "normal"],
    ["c1", "critical"],
    ["c2", "critical"],
  ] as const)
    queue.push(call(name, priority));
  expect(queue.size).toBe(5);
  expect(queue.all().map((c) => c.input)).toEqual(["c1", "c2", "n1", "n2", "s"]);
  const order = [1, 2, 3, 4, 5].map(() => queue.shift()?.input);
  expect(order).toEqual(["c1", "c2", "n1", "n2", "s"]);
  expect([queue.shift(), queue.size]).toEqual([undefined, 0]);
});

test("what was removed, or whose time is up, is gone", () => {
  const queue = new CallQueue();
  const [a, b, c] = [call("a", "critical", 10), call("b", "sheddable", 20), call("c", "normal", 30)];
  for (const one of [a, b, c]) queue.push(one as RecordedCall);
  expect([queue.remove(a as RecordedCall), queue.remove(a as RecordedCall)]).toEqual([true, false]);
  expect(queue.expired(20).map((one) => one.input)).toEqual(["b"]);
  expect(queue.all().map((one) => one.input)).toEqual(["c"]);
});
