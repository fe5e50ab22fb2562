import { createFakeRuntime } from "@skein/core/testing";
import { expect, test } from "vitest";
import { settled } from "./settled.ts";

const TIMES = { leastMs: 200, quietMs: 100, mostMs: 1000 };

interface Given {
  readonly abortAt?: number;
  /** How much later than due it wakes, ms, each time. */
  readonly late?: readonly number[];
}

/** When it was settled, of news at these ms. */
async function settledAt(news: readonly number[], { abortAt, late = [] }: Given = {}): Promise<number> {
  const runtime = createFakeRuntime();
  const { clock } = runtime;
  const from = clock.fresh();
  const abort = new AbortController();
  let newsAt = Number.NEGATIVE_INFINITY;
  let at = Number.NaN;
  for (const ms of news)
    clock.setTimer(ms, () => {
      newsAt = clock.fresh();
    });
  if (abortAt !== undefined) clock.setTimer(abortAt, () => abort.abort());
  const lates = [...late];
  const { setTimer } = clock;
  clock.setTimer = (ms, fire) => setTimer.call(clock, ms + (lates.shift() ?? 0), fire);
  void settled(runtime, TIMES, () => newsAt, abort.signal).then(() => {
    at = clock.fresh() - from;
  });
  for (let ms = 0; ms < 2000; ms += 10) await clock.advanceAsync(10);
  return at;
}

test.each([
  ["nothing came", [], 200],
  ["it came early", [20, 60], 200],
  ["it came late", [150, 240], 340],
  ["it does not end", Array.from({ length: 40 }, (_, n) => n * 50), 1000],
])("%s", async (_, news, at) => {
  expect(await settledAt(news)).toBe(at);
});

test.each([
  ["nothing came", [], [500], 900],
  ["what came meanwhile is read soon after", [710, 850], [500], 950],
  ["a little", [], [50], 250],
  ["again and again", [], [100, 100, 100, 100, 100], 1200],
])("its process stood still: %s", async (_, news, late, at) => {
  expect(await settledAt(news, { late })).toBe(at);
});

test("aborted", async () => {
  expect(await settledAt([], { abortAt: 50 })).toBe(50);
});
