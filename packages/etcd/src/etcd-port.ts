import type { StoredRecord } from "./layouts/layout.ts";
import type { Revisions } from "./revisions.ts";

export interface KeyValue extends StoredRecord {
  /** Of its last change. */
  readonly revision: number;
}

/** A key was put, or deleted where there is no value. */
export interface Change {
  readonly key: string;
  readonly value: string | undefined;
  readonly revision: number;
}

export interface WatchHandlers {
  /** In the order of the store; at least once, so that a change may come twice. */
  changed(changes: readonly Change[], revision: number): void;
  /** It is over, at most once: cut, compacted, refused. */
  ended(error: Error): void;
}

/**
 * What this package needs of etcd: no policy in it but to try the other hosts, and each question ends in time. Rejects with LeaseLostError where the
 * store does not know the lease. npm etcd3 is behind it; etcd's JSON gateway could be.
 */
export interface EtcdPort {
  /** @returns the TTL granted, which may be longer, in seconds */
  grant(
    ttlSeconds: number,
    signal?: AbortSignal,
  ): Promise<{ readonly lease: string; readonly ttlSeconds: number }>;
  /** @returns seconds left; 0 when the lease is lost */
  keepAlive(lease: string): Promise<number>;
  /** Idempotent. */
  revoke(lease: string): Promise<void>;
  /** All of them or none. */
  put(records: readonly StoredRecord[], lease: string): Promise<void>;
  /** Deletes those keys that the lease holds, and no others. */
  removeHeld(keys: readonly string[], lease: string): Promise<void>;
  /**
   * All keys that begin with `prefix`.
   * @param onPage given them in parts as they come; none of it counts before all is there
   */
  list(
    prefix: string,
    onPage?: (records: readonly KeyValue[]) => void,
  ): Promise<{ readonly records: readonly KeyValue[]; readonly revision: number }>;
  /** Every change from a revision on, that one included; returns what ends it. */
  watch(prefix: string, from: number, handlers: WatchHandlers): () => void;
  /** Tells of a store that was reset. */
  readonly revisions: Revisions;
  /** Rejects when the store can be reached and refuses us. */
  check(): Promise<void>;
  close(): void;
}
