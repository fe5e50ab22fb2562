import type { Runtime } from "@skein/core";
import { pause } from "@skein/registry/backend";

const LEAST_MS = 200;
const QUIET_MS = 100;
const MOST_MS = 1000;

/** Resolves when answers to a question asked just now have come: once there is no news for 100 ms, after 200 ms at the earliest and 1 s at the latest. Or when `signal` aborts. */
export async function settled(
  runtime: Pick<Runtime, "clock">,
  /** Monotonic ms. */
  newsAt: () => number,
  signal: AbortSignal,
): Promise<void> {
  const from = runtime.clock.fresh();
  for (;;) {
    const now = runtime.clock.fresh();
    const until = Math.min(from + MOST_MS, Math.max(from + LEAST_MS, newsAt() + QUIET_MS));
    if (now >= until || signal.aborted) return;
    await pause(runtime, until - now, signal);
  }
}
