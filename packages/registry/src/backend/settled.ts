import type { Runtime } from "@skein/core";
import { pause } from "./pause.ts";

export interface SettleTimes {
  /** Not before, ms. */
  readonly leastMs: number;
  /** Without news for so long, ms. */
  readonly quietMs: number;
  /** And not after, ms. */
  readonly mostMs: number;
}

/** Resolves when answers to a question asked just now have come, of as many as like to answer: once there is no news for a while. Or when `signal` aborts. */
export async function settled(
  runtime: Pick<Runtime, "clock">,
  { leastMs, quietMs, mostMs }: SettleTimes,
  /** Monotonic ms. */
  newsAt: () => number,
  signal: AbortSignal,
): Promise<void> {
  const from = runtime.clock.fresh();
  for (;;) {
    const now = runtime.clock.fresh();
    const until = Math.min(from + mostMs, Math.max(from + leastMs, newsAt() + quietMs));
    if (now >= until || signal.aborted) return;
    await pause(runtime, until - now, signal);
  }
}
