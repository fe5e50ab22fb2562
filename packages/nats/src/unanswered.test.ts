import { expect, test } from "vitest";
import { Unanswered } from "./unanswered.ts";

const never = (): Promise<void> => new Promise(() => {});

test("what has no answer fails when the connection is gone, and nothing else does", async () => {
  const unanswered = new Unanswered();
  const one = unanswered.until(never());
  const answered = unanswered.until(Promise.resolve());
  const refused = unanswered.until(Promise.reject(new Error("no")));
  await expect(refused).rejects.toThrow("no");
  await answered;
  unanswered.gone(new Error("it is gone"));
  await expect(one).rejects.toThrow("it is gone");
  const next = unanswered.until(Promise.resolve());
  await next;
});

test("an answer that comes too late changes nothing", async () => {
  const unanswered = new Unanswered();
  let answer = (): void => {};
  let refuse = (_: Error): void => {};
  const first = unanswered.until(new Promise((resolve) => (answer = resolve)));
  const second = unanswered.until(new Promise((_, reject) => (refuse = reject)));
  unanswered.gone(new Error("gone"));
  answer();
  refuse(new Error("late"));
  await expect(first).rejects.toThrow("gone");
  await expect(second).rejects.toThrow("gone");
});
