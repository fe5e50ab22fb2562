import type { Instance } from "../instance.ts";
import type { Registry } from "../registry.ts";
import type { Logger, Runtime } from "../runtime.ts";

export interface LeaseKeeperOptions {
  readonly registry: Registry;
  readonly runtime: Runtime;
  readonly logger: Logger;
  /** @default 30_000 */
  readonly ttlMs?: number | undefined;
}

/** `held`: the registry has our records as far as we know. `lost`: it lacks some, and we keep trying. `none`: nothing is to be registered. */
export type LeaseState = "held" | "lost" | "none";

/** Keeps a process's instances registered under one lease, for ever. */
export interface LeaseKeeper {
  readonly state: LeaseState;
  /** When the state became `held`, epoch ms; undefined in any other state. */
  readonly heldSince: number | undefined;
  /** Why the last attempt failed; undefined while all is well. */
  readonly lastError: unknown;
  /** Counters since the start, for metrics. */
  readonly counts: {
    readonly renewals: number;
    readonly failures: number;
    readonly lost: number;
    readonly regained: number;
  };
  /**
   * Inserts or updates; from now on it is kept registered. Resolves once the registry has it; a failing registry is asked again and again,
   * and the promise waits. Rejects when the keeper is closed or `signal` aborts (the instance stays wanted unless it is removed).
   */
  put(instance: Instance, signal?: AbortSignal): Promise<void>;
  /** No longer wanted. Resolves once the registry no longer has it, or cannot be asked; then it is tried again all the same. */
  remove(id: string): Promise<void>;
  subscribe(callback: (state: LeaseState) => void): () => void;
  /** Removes everything, bounded. Idempotent. @param timeoutMs @default 2000 */
  close(timeoutMs?: number): Promise<void>;
  /** Stops without a word to the registry, as a crash would: the records end with their TTL. */
  abandon(): void;
}
