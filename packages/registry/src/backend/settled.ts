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

/** Who wakes so much later than due stood still, ms: what came meanwhile has not been read yet. */
const STOOD_STILL_MS = 50;
/** So often the waiting begins anew for that, at the most. */
const MOST_ANEW = 3;

/**
 * Resolves when answers to a question asked just now have come, of as many as like to answer: once there is no news for a while. Or when `signal` aborts.
 * Where this process stood still meanwhile they have their time after it.
 */
export async function settled(
  runtime: Pick<Runtime, "clock">,
  { leastMs, quietMs, mostMs }: SettleTimes,
  /** Monotonic ms. */
  newsAt: () => number,
  signal: AbortSignal,
): Promise<void> {
  let from = runtime.clock.fresh();
  for (let anew = 0; ; ) {
    const now = runtime.clock.fresh();
    const until = Math.min(from + mostMs, Math.max(from + leastMs, newsAt() + quietMs));
    if (now >= until || signal.aborted) return;
    await pause(runtime, until - now, signal);
    const woken = runtime.clock.fresh();
    if (woken - until <= STOOD_STILL_MS || anew === MOST_ANEW) continue;
    anew++;
    from = woken;
  }
}
