import type { Runtime } from "@skein/core";

/** Ports on Node, for harnesses of what is real: sockets, files, processes. Timers do not keep a process alive. */
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
