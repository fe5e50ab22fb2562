import type { Instance, Snapshot } from "@skein/core";
import { createFakeRuntime, settle } from "@skein/core/testing";
import { expect, test } from "vitest";
import { type Answer, askAgain } from "./ask-again.ts";

const of = (revision: number, ...ids: string[]): Snapshot => ({
  instances: ids.map((id) => ({ id }) as Instance),
  revision,
});

/** @param answers one a question; a number is waited for before the next; the last is never answered */
function asking(answers: readonly (Snapshot | Error | Promise<Answer>)[], waitMs?: number, ttlMs?: number) {
  const runtime = createFakeRuntime();
  const { clock } = runtime;
  const asked: { readonly at: number; readonly known: Snapshot | undefined; readonly signal: AbortSignal }[] =
    [];
  const told: (readonly [number, Snapshot | string])[] = [];
  const start = askAgain({
    runtime: { ...runtime, random: () => 1 },
    ttlMs,
    ask(service, known, signal) {
      expect(service).toBe("user");
      asked.push({ at: clock.monotonic(), known, signal });
      const answer = answers[asked.length - 1];
      if (answer instanceof Error) throw answer;
      if (answer instanceof Promise) return answer;
      return answer === undefined ? new Promise(() => {}) : Promise.resolve({ snapshot: answer, waitMs });
    },
  });
  const stop = start("user", {
    found: (snapshot) => told.push([clock.monotonic(), snapshot]),
    failed: (error) => told.push([clock.monotonic(), (error as Error).message]),
  });
  return { clock, asked, told, stop };
}

test("asked again at once with what is known; the same again is not told", async () => {
  const all = [of(1, "a"), of(1, "a"), of(2, "a"), of(2, "a", "b")];
  const { clock, asked, told } = asking(all);
  await clock.advanceAsync(0);
  expect(asked.map(({ known }) => known)).toEqual([undefined, ...all]);
  expect(told).toEqual([
    [0, all[0]],
    [0, all[2]],
    [0, all[3]],
  ]);
});

test("instances that stay as they are stay the same objects, wherever they are listed", async () => {
  const [first, second] = [of(1, "a", "b", "c"), of(2, "c", "d", "b")];
  const { clock, told } = asking([first, second, of(2, "c", "d", "b"), of(3, "c", "d", "b"), of(3)]);
  await clock.advanceAsync(0);
  const seen = told.map(([, snapshot]) => (snapshot as Snapshot).instances);
  const [a, b] = seen as [readonly Instance[], readonly Instance[]];
  expect(b.map((i) => a.indexOf(i))).toEqual([2, -1, 1]);
  expect(seen.slice(2)).toEqual([b, []]);
  expect(seen[2]).toBe(b);
  expect(told.map(([, snapshot]) => (snapshot as Snapshot).revision)).toEqual([1, 2, 3, 3]);
});

test("asked again after the wait", async () => {
  const { clock, asked } = asking([of(1), of(1), of(1)], 700);
  await clock.advanceAsync(10_000);
  expect(asked.map(({ at }) => at)).toEqual([0, 700, 1400, 2100]);
});

test("asked again after a rest where there are thousands", async () => {
  const many = (count: number): Snapshot => of(count, ...Array.from({ length: count }, (_, n) => String(n)));
  const all = [many(1000), many(10_000), many(100_000), many(1)];
  const { clock, asked } = asking(all);
  await clock.advanceAsync(10_000);
  expect(asked.map(({ at }) => at)).toEqual([0, 0, 200, 700, 700]);
  const waiting = asking(all, 400);
  await waiting.clock.advanceAsync(10_000);
  expect(waiting.asked.map(({ at }) => at)).toEqual([0, 400, 800, 1300, 1700]);
});

test("failures are told, and tried again ever later; the first answer is told whatever it says, and begins anew", async () => {
  const no = new Error("no");
  const { clock, asked, told } = asking([of(1, "a"), no, no, no, of(1, "a"), no], 0, 1500);
  await clock.advanceAsync(10_000);
  expect(asked.map(({ at }) => at)).toEqual([0, 0, 200, 600, 1100, 1100, 1300]);
  expect(told).toEqual([
    [0, of(1, "a")],
    [0, "no"],
    [200, "no"],
    [600, "no"],
    [1100, of(1, "a")],
    [1100, "no"],
  ]);
  expect(asked.at(-1)?.known).toEqual(of(1, "a"));
});

test("whoever is asked with nothing known and fails is asked with nothing known", async () => {
  const { clock, asked } = asking([new Error("no"), of(1)], 0);
  await clock.advanceAsync(1000);
  expect(asked.map(({ known }) => known)).toEqual([undefined, undefined, of(1)]);
});

test("stopped: nothing is asked or told any more, and no timer is left", async () => {
  let answer: (answer: Answer) => void = () => {};
  const late = asking([
    new Promise<Answer>((resolve) => {
      answer = resolve;
    }),
    of(2),
  ]);
  late.stop();
  expect(late.asked[0]?.signal.aborted).toBe(true);
  answer({ snapshot: of(1) });
  await late.clock.advanceAsync(60_000);
  expect([late.asked.length, late.told]).toEqual([1, []]);

  let fail: (error: Error) => void = () => {};
  const failing = asking([
    new Promise<Answer>((_, reject) => {
      fail = reject;
    }),
  ]);
  failing.stop();
  fail(new Error("aborted"));
  await failing.clock.advanceAsync(60_000);
  expect([failing.asked.length, failing.told]).toEqual([1, []]);

  for (const waiting of [asking([of(1), of(2)], 5000), asking([new Error("no"), of(2)])]) {
    await settle();
    waiting.stop();
    await waiting.clock.advanceAsync(60_000);
    expect([waiting.asked.length, waiting.told.length, waiting.clock.timers]).toEqual([1, 1, 0]);
  }
});
