import { createFakeRuntime } from "@skein/core/testing";
import { expect, test } from "vitest";
import { keptLog } from "../test/centre.ts";
import { SnapshotKeeper } from "./snapshot-keeper.ts";

function made(takesMs = 0) {
  const { clock } = createFakeRuntime();
  const { logger, lines } = keptLog();
  const saved: string[] = [];
  const state = { text: "0", fails: false, under: 0, most: 0 };
  const keeper = new SnapshotKeeper({
    clock,
    logger,
    text: () => state.text,
    async save(text) {
      state.most = Math.max(state.most, ++state.under);
      if (takesMs > 0) await new Promise<void>((resolve) => clock.setTimer(takesMs, resolve));
      state.under--;
      if (state.fails) throw new Error("the disk is full");
      saved.push(text);
    },
  });
  const change = (text: string): void => {
    state.text = text;
    keeper.changed();
  };
  return { clock, lines, saved, state, keeper, change };
}

test("changes within a second are written together, the newest", async () => {
  const { clock, saved, change } = made();
  await clock.advanceAsync(5000);
  expect(saved).toEqual([]);
  change("1");
  await clock.advanceAsync(900);
  change("2");
  expect(saved).toEqual([]);
  await clock.advanceAsync(100);
  expect(saved).toEqual(["2"]);
  await clock.advanceAsync(5000);
  expect([saved, clock.timers]).toEqual([["2"], 0]);
});

test("a change during a write is written after it, one at a time, with a rest between", async () => {
  const { clock, saved, change, state } = made(200);
  change("1");
  await clock.advanceAsync(1100);
  change("2");
  await clock.advanceAsync(100);
  expect(saved).toEqual(["1"]);
  await clock.advanceAsync(3999);
  expect(saved).toEqual(["1"]);
  await clock.advanceAsync(201);
  expect([saved, state.most]).toEqual([["1", "2"], 1]);
});

test("what failed is tried again, and said once a minute", async () => {
  const { clock, saved, change, state, lines } = made();
  state.fails = true;
  change("1");
  await clock.advanceAsync(30_000);
  expect([saved, lines.length]).toEqual([[], 1]);
  expect(lines[0]).toContain("the disk is full");
  await clock.advanceAsync(60_000);
  expect(lines.length).toBe(2);
  state.fails = false;
  await clock.advanceAsync(1000);
  expect(saved).toEqual(["1"]);
});

test("close waits for the write that is under way, and writes all; its failure is told", async () => {
  const { clock, saved, change, state, keeper } = made(200);
  change("1");
  await clock.advanceAsync(1100);
  change("2");
  const closed = keeper.close();
  await clock.advanceAsync(400);
  await closed;
  expect([saved, state.most, clock.timers]).toEqual([["1", "2"], 1, 0]);
  const other = made();
  other.state.fails = true;
  await expect(other.keeper.close()).rejects.toThrow("the disk is full");
});
