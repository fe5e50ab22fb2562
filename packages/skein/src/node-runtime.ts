import { randomUUID } from "node:crypto";
import { getHeapStatistics } from "node:v8";
import type { HeapUse, Runtime, Timer } from "@skein/core";
import { type AmbientContext, ambient } from "./ambient.ts";

/** Longest delay that setTimeout takes; beyond, it fires at once. */
const MOST_DELAY_MS = 2 ** 31 - 1;

/**
 * What core needs of the machine, from Node. `monotonic()` reads performance.now() once a tick; timers are unref'd and belong to no call.
 * @param context that timers are kept out of
 */
export function createNodeRuntime(context: AmbientContext = ambient): Runtime {
  let cached = 0;
  let known = false;
  const forget = (): void => {
    known = false;
  };
  const fresh = (): number => {
    cached = performance.now();
    if (!known) {
      known = true;
      process.nextTick(forget);
    }
    return cached;
  };
  return {
    clock: {
      now: Date.now,
      monotonic: () => (known ? cached : fresh()),
      fresh,
      setTimer: (ms, fire) => context.outside(() => startTimer(ms, fire)),
    },
    random: Math.random,
    uniqueId: randomUUID,
    defer: process.nextTick,
    yieldToIo: (fn) => void setImmediate(fn),
    heap: heapUse,
  };
}

function heapUse(): HeapUse {
  const { used_heap_size: usedBytes, heap_size_limit: limitBytes } = getHeapStatistics();
  return { usedBytes, limitBytes };
}

function startTimer(ms: number, fire: () => void): Timer {
  if (ms > MOST_DELAY_MS) return startLongTimer(ms, fire);
  const timer = setTimeout(fire, Math.ceil(ms)).unref();
  return { cancel: () => clearTimeout(timer) };
}

function startLongTimer(ms: number, fire: () => void): Timer {
  let timer = startTimer(MOST_DELAY_MS, () => {
    timer = startTimer(ms - MOST_DELAY_MS, fire);
  });
  return { cancel: () => timer.cancel() };
}

/** The process's own. */
export const nodeRuntime: Runtime = createNodeRuntime();
