import type { Instance, ServiceSummary, Snapshot } from "./instance.ts";

/** Where instances are announced under a lease, and watched. Every backend passes `registryConformance`. */
export interface Registry {
  /** For logs, errors and `skein list`; never holds credentials. */
  readonly name: string;
  /** True when registering is impossible (static, DNS): lease() then rejects with FAILED_PRECONDITION. */
  readonly readOnly?: boolean | undefined;
  /** How many records were skipped, in the last look, because they are none: said in the log once each, never an error for the others. */
  readonly malformed?: number | undefined;
  /** Asked once, before a service starts: rejects, saying what to do, where registering can't work however long one waits. */
  check?(): Promise<void>;
  /** A new lease; the lease keeper asks for one a process and renews it. Rejects when the registry can't be reached; retrying is the keeper's business. */
  lease(options: LeaseOptions): Promise<Lease>;
  /**
   * The whole present set at once (also when it is empty), then again after each change; a slow reader gets the newest.
   * Never ends by itself and never throws: trouble is a snapshot with `stale` and `error`, holding the last known instances.
   * Ends when `signal` aborts or the iterator is returned.
   */
  watch(service: string, options: { readonly signal: AbortSignal }): AsyncIterable<Snapshot>;
  /** Asks anew. Rejects when the registry can't be reached. */
  get(service: string): Promise<Snapshot>;
  /** All services that have at least one instance, by name. */
  list(): Promise<readonly ServiceSummary[]>;
  /** Ends watches and releases leases (which removes their records). Idempotent. */
  close(): Promise<void>;
}

export interface LeaseOptions {
  /** Time to live: without a renewal for this long the records are gone. */
  readonly ttlMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A promise of the registry to keep records until `ttlMs` after the last renewal. Holds no policy: the lease keeper decides when to
 * renew, when to believe it lost, and when to take another.
 */
export interface Lease {
  /** As granted: may be longer than was asked for. */
  readonly ttlMs: number;
  /** `lost`: the registry does not know this lease any more, and its records are or will be gone. Rejects when the registry can't be reached. */
  renew(): Promise<"held" | "lost">;
  /**
   * Inserts or replaces by id, whoever put it before. Rejects with LeaseLostError when the lease is gone, and with INVALID_ARGUMENT (see
   * instanceFault) where the record cannot be one.
   */
  put(instance: Instance): Promise<void>;
  /** Idempotent; never removes a successor's record. */
  remove(id: string): Promise<void>;
  /** Removes all records and ends the lease. Idempotent. */
  release(): Promise<void>;
  /** Backends that are told of a loss by themselves call it; at most once. */
  onLost?: ((reason: string) => void) | undefined;
}

/** Thrown by Lease.put when the registry no longer knows the lease. */
export class LeaseLostError extends Error {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = "LeaseLostError";
  }
}
