import fc from "fast-check";
import { expect, test } from "vitest";
import { createFakeRuntime } from "../testing/fake-clock.ts";
import { DeadlineWatch } from "./deadline-watch.ts";

test("each deadline is told of within 4 ms, by one timer for all", () => {
  const times = fc.array(fc.record({ at: fc.nat(300), timeLeft: fc.integer({ min: 1, max: 200 }) }), {
    minLength: 1,
    maxLength: 30,
  });
  fc.assert(
    fc.property(times, (calls) => {
      const { clock } = createFakeRuntime();
      const watch = new DeadlineWatch(clock);
      const late: number[] = [];
      let most = 0;
      for (let ms = 0; ms < 600; ms++) {
        for (const { at, timeLeft } of calls) {
          if (at !== ms) continue;
          const expiresAt = clock.monotonic() + timeLeft;
          watch.add({ expiresAt, expire: () => late.push(clock.monotonic() - expiresAt) });
        }
        clock.advance(1);
        most = Math.max(most, clock.timers);
      }
      expect(late.length).toBe(calls.length);
      expect(Math.min(...late)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...late)).toBeLessThanOrEqual(4);
      expect(most).toBe(1);
      expect(clock.timers).toBe(0);
    }),
  );
});

test("what is deleted is not told, and far deadlines cost a look every 16 ms", () => {
  const runtime = createFakeRuntime();
  let looks = 0;
  const { clock } = runtime;
  const counting = {
    wallOffsetMs: clock.wallOffsetMs,
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    fresh: () => {
      looks++;
      return clock.fresh();
    },
    setTimer: (ms: number, fire: () => void) => clock.setTimer(ms, fire),
  };
  const watch = new DeadlineWatch(counting);
  const told: string[] = [];
  const gone = { expiresAt: 20, expire: () => told.push("gone") };
  watch.add(gone);
  watch.add({ expiresAt: 1600, expire: () => told.push("far") });
  watch.delete(gone);
  for (let ms = 0; ms < 1700; ms++) clock.advance(1);
  expect(told).toEqual(["far"]);
  expect(looks).toBeLessThanOrEqual(102);
});
