import type { Instance, Runtime, Snapshot } from "@skein/core";
import { sameInstance } from "@skein/core/internal";
import { backoffMs, pause } from "./pause.ts";
import type { StartWatch } from "./shared-watches.ts";

const DEFAULT_TTL_MS = 30_000;
const MOST_BACKOFF_MS = 5000;
/** Up to so many instances may be asked for without rest. Reading more takes its time: so long for each until the next question, ms: 200 for 10,000. */
const SMALL = 1000;
const REST_MS = 0.02;
const MOST_REST_MS = 500;

export interface AskAgainOptions {
  readonly runtime: Runtime;
  /**
   * One question. Asked anew at once after each answer that is not very large: it must itself hold back (a long poll), or say how long to wait.
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
 * with full jitter; an answer that says the same as the one before is not told. Instances that stay as they are stay the same objects: whoever follows
 * thousands of them looks only at the others.
 */
export function askAgain(options: AskAgainOptions): StartWatch {
  const { runtime, ask, ttlMs = DEFAULT_TTL_MS } = options;
  const most = Math.min(MOST_BACKOFF_MS, ttlMs / 3);
  return (service, tell) => {
    const abort = new AbortController();
    const { signal } = abort;
    const loop = async (): Promise<void> => {
      let known: Snapshot | undefined;
      let failures = 0;
      while (!signal.aborted) {
        try {
          const answer = await ask(service, known, signal);
          if (signal.aborted) return;
          const before = known;
          const instances = keep(before?.instances ?? [], answer.snapshot.instances);
          known = { ...answer.snapshot, instances };
          const same = instances === before?.instances && known.revision === before.revision;
          if (!same || failures > 0) tell.found(known);
          failures = 0;
          const waitMs = Math.max(answer.waitMs ?? 0, restMs(instances.length));
          if (waitMs > 0 || answer.waitMs !== undefined) await pause(runtime, waitMs, signal);
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

function restMs(instances: number): number {
  return instances > SMALL ? Math.min(MOST_REST_MS, instances * REST_MS) : 0;
}

/** `now` with the objects of `before` where they say the same; `before` itself where all is as it was. */
function keep(before: readonly Instance[], now: readonly Instance[]): readonly Instance[] {
  let byId: ReadonlyMap<string, Instance> | undefined;
  let same = before.length === now.length;
  const kept = now.map((instance, n) => {
    const here = before[n];
    if (here !== undefined && sameInstance(here, instance)) return here;
    same = false;
    byId ??= new Map(before.map((known) => [known.id, known]));
    const known = byId.get(instance.id);
    return known !== undefined && sameInstance(known, instance) ? known : instance;
  });
  return same ? before : kept;
}
