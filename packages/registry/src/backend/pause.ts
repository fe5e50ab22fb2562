import type { Runtime } from "@skein/core";

const BACKOFF_MS = 200;
const MOST_BACKOFF_MS = 5000;

/** Resolves after `ms`, or as soon as `signal` aborts; never rejects. */
export function pause(runtime: Pick<Runtime, "clock">, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      timer.cancel();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = runtime.clock.setTimer(ms, done);
    signal.addEventListener("abort", done, { once: true });
  });
}

/**
 * Full jitter over 200 ms doubled with each failure.
 * @param failures in a row, the present one not counted
 * @param mostMs @default 5000
 */
export function backoffMs(failures: number, random: () => number, mostMs: number = MOST_BACKOFF_MS): number {
  return random() * Math.min(mostMs, BACKOFF_MS * 2 ** Math.min(failures, 20));
}
