import { randomUUID } from "node:crypto";
import type { Clock, Runtime } from "@skein/core";

const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  fresh: () => performance.now(),
  setTimer(ms, fire) {
    const timer = setTimeout(fire, ms).unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

/** Node's own, with a clock that may be a fake one. */
export function testRuntime(clockOrFake: Clock = clock): Runtime {
  return {
    clock: clockOrFake,
    random: Math.random,
    uniqueId: () => randomUUID(),
    defer: (fn) => process.nextTick(fn),
    yieldToIo: (fn) => void setImmediate(fn),
  };
}
