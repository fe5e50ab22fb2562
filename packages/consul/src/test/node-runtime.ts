import type { Runtime } from "@skein/core";

/** Ports on Node, for tests with real sockets. */
export const nodeRuntime: Runtime = {
  clock: {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    fresh: () => performance.now(),
    setTimer(ms, fire) {
      const timer = setTimeout(fire, ms);
      timer.unref();
      return { cancel: () => clearTimeout(timer) };
    },
  },
  random: Math.random,
  uniqueId: () => crypto.randomUUID(),
  defer: process.nextTick,
  yieldToIo: (fn) => void setImmediate(fn),
};

/** As nodeRuntime, with time going by so many times as fast. */
export function fastRuntime(times: number): Runtime {
  const { clock } = nodeRuntime;
  const fast = {
    now: () => clock.monotonic() * times + 1_700_000_000_000,
    monotonic: () => clock.monotonic() * times,
    fresh: () => clock.monotonic() * times,
    setTimer: (ms: number, fire: () => void) => clock.setTimer(ms / times, fire),
  };
  return { ...nodeRuntime, clock: fast };
}
