import { createFakeRuntime, type FakeClock, loggerTo, settle } from "@skein/core/testing";
import { afterEach, describe, expect, test } from "vitest";
import { type Check, type Checks, type CheckWithTimeout, createChecks } from "./health.ts";

let clock: FakeClock;
let running: Checks | undefined;
afterEach(() => {
  running?.stop();
  expect(clock.timers).toBe(0);
});

function create(checks: Record<string, Check | CheckWithTimeout>) {
  clock = createFakeRuntime().clock;
  const lines: string[] = [];
  const changes: boolean[] = [];
  const logger = loggerTo((level, message, { check }) => void lines.push(`${level} ${check}: ${message}`));
  running = createChecks({ checks, timeoutMs: 2000, clock, logger, onChange: (ok) => void changes.push(ok) });
  return { checks: running, lines, changes };
}

describe("readiness checks", () => {
  test("without any: ready, and no timer", async () => {
    const { checks } = create({});
    checks.start();
    expect(clock.timers).toBe(0);
    expect(await checks.results()).toEqual({ ok: true, checks: {} });
  });

  test("a check passes unless it throws, rejects or answers false", async () => {
    const { checks } = create({
      nothing() {},
      truth: async () => true,
      falsehood: () => false,
      thrown() {
        throw new Error("password=hunter2");
      },
      rejected: () => Promise.reject(undefined),
    });
    expect(await checks.results()).toEqual({
      ok: false,
      checks: {
        nothing: { ok: true, ms: 0 },
        truth: { ok: true, ms: 0 },
        falsehood: { ok: false, reason: "failed", ms: 0 },
        thrown: { ok: false, reason: "failed", ms: 0 },
        rejected: { ok: false, reason: "failed", ms: 0 },
      },
    });
  });

  test("a failure is told within a second, recovery too, each with one line", async () => {
    let up = true;
    const { checks, lines, changes } = create({ database: () => up });
    checks.start();
    await clock.advanceAsync(3000);
    expect(changes).toEqual([]);
    up = false;
    await clock.advanceAsync(500);
    expect(changes).toEqual([false]);
    await clock.advanceAsync(3000);
    up = true;
    await clock.advanceAsync(500);
    expect(changes).toEqual([false, true]);
    expect(lines).toEqual([
      "warn database: readiness check failed",
      "info database: readiness check passes again",
    ]);
  });

  test("a check that hangs has failed after its time, and is not called again until it ends", async () => {
    let calls = 0;
    const ends: (() => void)[] = [];
    const { checks, lines, changes } = create({
      slow: () => {
        calls++;
        return new Promise<void>((resolve) => ends.push(resolve));
      },
    });
    checks.start();
    await clock.advanceAsync(500 + 1999);
    expect([calls, changes]).toEqual([1, []]);
    await clock.advanceAsync(1);
    expect(changes).toEqual([false]);
    await clock.advanceAsync(10_000);
    expect([calls, lines]).toEqual([1, ["warn slow: readiness check took longer than 2000 ms"]]);
    expect((await checks.results()).checks.slow).toEqual({ ok: false, reason: "has not answered" });
    ends[0]?.();
    await settle();
    await clock.advanceAsync(500);
    expect(calls).toBe(2);
    ends[1]?.();
    await settle();
    expect(changes).toEqual([false, true]);
  });

  test("one that hangs hides neither that another has failed, nor that it passes again", async () => {
    let up = true;
    const { checks, changes } = create({ slow: () => new Promise(() => {}), database: () => up });
    checks.start();
    await clock.advanceAsync(400);
    up = false;
    await clock.advanceAsync(500);
    expect(changes).toEqual([false]);
    expect((await checks.results()).checks).toMatchObject({ database: { ok: false }, slow: { ok: true } });
    up = true;
    await clock.advanceAsync(500);
    expect(changes).toEqual([false, true]);
    await clock.advanceAsync(2000);
    expect(changes).toEqual([false, true, false]);
  });

  test("a check may have a timeout of its own", async () => {
    const never = (): Promise<never> => new Promise(() => {});
    const { checks } = create({
      quick: { check: never, timeoutMs: 100 },
      fine: { check() {}, timeoutMs: 1 },
    });
    checks.start();
    await clock.advanceAsync(600);
    expect((await checks.results()).checks).toEqual({
      quick: { ok: false, reason: "took longer than 100 ms", ms: 100 },
      fine: { ok: true, ms: 0 },
    });
  });

  test("results are shared while they run, and used again for a second", async () => {
    let calls = 0;
    const { checks } = create({ counted: () => void calls++ });
    await Promise.all([checks.results(), checks.results()]);
    expect(calls).toBe(1);
    await clock.advanceAsync(999);
    await checks.results();
    expect(calls).toBe(1);
    await clock.advanceAsync(1);
    await checks.results();
    expect(calls).toBe(2);
  });

  test("stopped in the middle of a run, it stays stopped", async () => {
    const ends: (() => void)[] = [];
    const { checks } = create({ slow: () => new Promise<void>((resolve) => ends.push(resolve)) });
    checks.start();
    await clock.advanceAsync(500);
    checks.stop();
    ends[0]?.();
    await settle();
    expect(clock.timers).toBe(0);
    await clock.advanceAsync(5000);
    expect(ends).toHaveLength(1);
  });
});
