import { createFakeRuntime } from "@skein/core/testing";
import { beforeEach, expect, test } from "vitest";
import { PendingQuestions } from "./pending-questions.ts";

const ANSWER = { bytes: new Uint8Array([1]), nobody: false };
let runtime: ReturnType<typeof createFakeRuntime>;
let pending: PendingQuestions;
let ids: number[];
beforeEach(() => {
  runtime = createFakeRuntime();
  pending = new PendingQuestions(runtime.clock);
  ids = [];
});
function ask(subject: string, send = (id: number): void => void ids.push(id)): Promise<string> {
  return pending.ask({ subject, timeoutMs: 1000, send, late: () => new Error(`${subject} late`) }).then(
    ({ bytes }) => `${subject} ${bytes[0]}`,
    (error: Error) => error.message,
  );
}

test("each gets its own answer, once", async () => {
  const [a, b] = [ask("a"), ask("b")];
  pending.answered(ids[1] as number, { ...ANSWER, bytes: new Uint8Array([2]) });
  pending.answered(ids[0] as number, ANSWER);
  pending.answered(99, ANSWER);
  expect(await Promise.all([a, b])).toEqual(["a 1", "b 2"]);
});

test("without an answer it is late, and says so", async () => {
  const a = ask("a");
  await runtime.clock.advanceAsync(999);
  const b = ask("b");
  await runtime.clock.advanceAsync(1);
  pending.answered(ids[1] as number, ANSWER);
  expect(await Promise.all([a, b])).toEqual(["a late", "b 1"]);
});

test("a denied subject ends the questions on it, a lost connection ends all", async () => {
  const [a, b] = [ask("a"), ask("b")];
  pending.denied("a", () => new Error("denied"));
  pending.fail(() => new Error("lost"));
  expect(await Promise.all([a, b])).toEqual(["denied", "lost"]);
});

test("what cannot be sent fails at once, and leaves no timer", async () => {
  const a = ask("a", () => {
    throw new Error("too large");
  });
  expect(await a).toBe("too large");
  expect(runtime.clock.timers).toBe(0);
});
