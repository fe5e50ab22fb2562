import type { Runtime } from "@skein/core";
import { pause } from "@skein/registry/backend";

/** Answers come 20 to 80 ms after a question; two questions have their chance. */
const LEAST_MS = 300;
const QUIET_MS = 150;
const MOST_MS = 800;

/** Resolves when answers to a question asked just now have come: once there is no news for a while, and after 800 ms in any case. Or when `signal` aborts. */
export async function settled(
  runtime: Pick<Runtime, "clock">,
  /** Monotonic ms. */
  newsAt: () => number,
  signal: AbortSignal,
): Promise<void> {
  const from = runtime.clock.monotonic();
  for (;;) {
    const now = runtime.clock.monotonic();
    const until = Math.min(from + MOST_MS, Math.max(from + LEAST_MS, newsAt() + QUIET_MS));
    if (now >= until || signal.aborted) return;
    await pause(runtime, until - now, signal);
  }
}
