import { RpcError } from "skein";
import type { CliClock } from "./io.ts";
import { Latencies } from "./latencies.ts";

export interface LoadOptions {
  /** Callers; each has one call in flight. */
  readonly concurrency: number;
  readonly durationMs: number;
  readonly clock: CliClock;
  /** Ends it early. */
  readonly signal: AbortSignal;
  readonly call: () => PromiseLike<unknown>;
}

export interface LoadResult {
  readonly elapsedMs: number;
  readonly ok: number;
  readonly failed: number;
  /** Failed calls by code. */
  readonly errors: ReadonlyMap<string, number>;
  /** Of the calls that succeeded. */
  readonly latencies: Latencies;
}

/** A load that is under way. */
export interface RunningLoad {
  /** Calls that have ended so far. */
  ended(): number;
  readonly done: Promise<LoadResult>;
}

/**
 * Closed loop: each caller starts its next call when the last one has ended, so a slow server is asked less, and its pauses are
 * counted once and not for each call that would have come meanwhile.
 */
export function runClosedLoop(options: LoadOptions): RunningLoad {
  const { clock, signal, concurrency, durationMs, call } = options;
  const latencies = new Latencies();
  const errors = new Map<string, number>();
  let failed = 0;
  const startedAt = clock.monotonic();
  const caller = async (): Promise<void> => {
    for (;;) {
      const start = clock.monotonic();
      if (signal.aborted || start - startedAt >= durationMs) return;
      try {
        await call();
        latencies.record(clock.monotonic() - start);
      } catch (error) {
        if (signal.aborted) return;
        failed++;
        const code = RpcError.is(error) ? error.code : "UNKNOWN";
        errors.set(code, (errors.get(code) ?? 0) + 1);
        // A refusal can come without any I/O: without this, timers and Ctrl-C would never have their turn
        await clock.pause();
      }
    }
  };
  const done = Promise.all(Array.from({ length: concurrency }, caller)).then(() => ({
    elapsedMs: clock.monotonic() - startedAt,
    ok: latencies.count,
    failed,
    errors,
    latencies,
  }));
  return { ended: () => latencies.count + failed, done };
}
