import type { Logger, Runtime } from "@skein/core";
import { pause } from "@skein/registry/backend";
import type { Change, EtcdPort, KeyValue } from "./etcd-port.ts";

/** Between two lists of a store that does not answer, at most, ms. */
export const MOST_WAIT_MS = 5000;
/** The first after a cut comes within it, the others wait for nearly all of it: a thousand watchers list at most 250 times a second. */
const LEAST_SHARE = 0.9;

export interface ListWatchOptions {
  readonly port: EtcdPort;
  readonly prefix: string;
  /** After a cut it lists again within so long, ms. @default MOST_WAIT_MS */
  readonly waitMs?: number | undefined;
  readonly runtime: Runtime;
  readonly logger: Logger;
  /** Some of what will be listed soon: a chance to read it in parts. */
  listing?(records: readonly KeyValue[]): void;
  /** What is there, whole. */
  listed(records: readonly KeyValue[], revision: number): void;
  changed(changes: readonly Change[], revision: number): void;
  /** Neither list nor watch can be had. */
  failed(error: unknown): void;
}

/**
 * Keeps up with the keys under a prefix until it is stopped: list, watch from there on; when the watch ends, for whatever reason (cut, compacted, store
 * wiped), list again. Nothing is taken up from where it was, so nothing can be missed.
 */
export class ListWatch {
  readonly #o: ListWatchOptions;
  readonly #abort = new AbortController();
  #interrupt: ((error: Error) => void) | undefined;
  #failures = 0;
  /** Lists but the first, for those who count. */
  relists = 0;

  constructor(options: ListWatchOptions) {
    this.#o = options;
    void this.#loop();
  }

  stop(): void {
    this.#abort.abort();
    this.#interrupt?.(new Error("stopped"));
  }

  /** Somebody saw that what we know may be wrong. */
  relist(why: string): void {
    this.#interrupt?.(new Error(why));
  }

  async #loop(): Promise<void> {
    const { runtime, logger, prefix, failed } = this.#o;
    const { signal } = this.#abort;
    for (let first = true; !signal.aborted; first = false) {
      const since = runtime.clock.monotonic();
      try {
        if (!first) this.relists++;
        await this.#listAndWatch();
      } catch (error) {
        if (signal.aborted) return;
        const ageMs = Math.round(runtime.clock.monotonic() - since);
        logger.warn(
          { err: error, prefix, ageMs, relists: this.relists },
          "the watch of etcd ended: listing again",
        );
        if (this.#failures > 0) failed(error);
      }
      await pause(runtime, this.#wait(), signal);
    }
  }

  /** All who were cut off at once must not ask at once, neither first nor again. */
  #wait(): number {
    const { runtime, waitMs = MOST_WAIT_MS } = this.#o;
    const share = runtime.random();
    return waitMs * (this.#failures === 0 ? share : LEAST_SHARE + (1 - LEAST_SHARE) * share);
  }

  /** Rejects when it is over. */
  async #listAndWatch(): Promise<void> {
    const { port, prefix, listing, listed, changed } = this.#o;
    this.#failures++;
    const { records, revision } = await port.list(prefix, listing);
    if (this.#abort.signal.aborted) return;
    listed(records, revision);
    this.#failures = 0;
    let seen = revision;
    const over = new Promise<never>((_, reject) => {
      const cancel = port.watch(prefix, revision + 1, {
        changed(changes, at) {
          const fresh = changes.filter((change) => change.revision > seen);
          seen = Math.max(seen, at);
          if (fresh.length > 0) changed(fresh, seen);
        },
        ended: reject,
      });
      this.#interrupt = (error) => {
        cancel();
        reject(error);
      };
    });
    try {
      await over;
    } finally {
      this.#interrupt = undefined;
    }
  }
}
