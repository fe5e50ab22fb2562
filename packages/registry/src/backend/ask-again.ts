import type { Runtime, Snapshot } from "@skein/core";
import { backoffMs, pause } from "./pause.ts";
import type { StartWatch } from "./shared-watches.ts";

const DEFAULT_TTL_MS = 30_000;
const MOST_BACKOFF_MS = 5000;

export interface AskAgainOptions {
  readonly runtime: Runtime;
  /**
   * One question. Asked anew at once after each answer: it must itself hold back (a long poll), or say how long to wait.
   * @param known what was answered before; undefined at first
   */
  ask(service: string, known: Snapshot | undefined, signal: AbortSignal): Promise<Answer>;
  /** Of the leases: a registry that answers again is found within a third of it, and within 5 s. @default 30_000 */
  readonly ttlMs?: number | undefined;
}

export interface Answer {
  readonly snapshot: Snapshot;
  /** Before the next question. @default 0 */
  readonly waitMs?: number | undefined;
}

/**
 * A source of snapshots (see SharedWatches) that asks again and again: long polls, blocking queries, polls. Failures are told at once, and tried again
 * with full jitter; an answer that says the same as the one before is not told.
 */
export function askAgain(options: AskAgainOptions): StartWatch {
  const { runtime, ask, ttlMs = DEFAULT_TTL_MS } = options;
  const most = Math.min(MOST_BACKOFF_MS, ttlMs / 3);
  return (service, tell) => {
    const abort = new AbortController();
    const { signal } = abort;
    const loop = async (): Promise<void> => {
      let known: Snapshot | undefined;
      let told: string | undefined;
      let failures = 0;
      while (!signal.aborted) {
        try {
          const answer = await ask(service, known, signal);
          if (signal.aborted) return;
          known = answer.snapshot;
          const said = JSON.stringify(known.instances) + known.revision;
          if (said !== told || failures > 0) tell.found(known);
          told = said;
          failures = 0;
          if (answer.waitMs !== undefined) await pause(runtime, answer.waitMs, signal);
        } catch (error) {
          if (signal.aborted) return;
          tell.failed(error);
          await pause(runtime, backoffMs(failures++, runtime.random, most), signal);
        }
      }
    };
    void loop();
    return () => abort.abort(new Error("nobody watches any more"));
  };
}
