import type { Snapshot } from "@skein/core";
import { SnapshotFeed } from "../snapshot-feed.ts";

/** What a source of snapshots is given to tell its watchers. */
export interface WatchTeller {
  /** What the registry says now. */
  found(snapshot: Snapshot): void;
  /** The registry cannot be asked: watchers keep whom they know. Telling the same trouble again is no news. */
  failed(error: unknown): void;
}

/** Begins to look after a service; returns what ends it. One that throws has failed, and is not begun again while anybody watches. */
export type StartWatch = (service: string, tell: WatchTeller) => () => void;

const NOTHING: Snapshot = { instances: [], revision: 0 };

/** One watch of a service upstream, whoever many watch it here: it begins with the first and ends with the last. */
export class SharedWatches {
  readonly #start: StartWatch;
  readonly #watches = new Map<string, SharedWatch>();
  #closed = false;

  constructor(start: StartWatch) {
    this.#start = start;
  }

  get services(): readonly string[] {
    return [...this.#watches.keys()];
  }

  watch(service: string, signal: AbortSignal): AsyncIterable<Snapshot> {
    const feed: SnapshotFeed = new SnapshotFeed(signal, () => this.#left(service, feed));
    if (this.#closed || signal.aborted) {
      feed.end();
      return feed;
    }
    const known = this.#watches.get(service);
    if (known === undefined) {
      const made = new SharedWatch();
      this.#watches.set(service, made);
      made.feeds.add(feed);
      this.#begin(service, made);
    } else known.join(feed);
    return feed;
  }

  #begin(service: string, made: SharedWatch): void {
    try {
      made.stop = this.#start(service, made);
    } catch (error) {
      made.failed(error);
    }
    // Its watcher may have left meanwhile.
    if (this.#watches.get(service) !== made) made.stop();
  }

  #left(service: string, feed: SnapshotFeed): void {
    const shared = this.#watches.get(service);
    if (shared === undefined || !shared.feeds.delete(feed) || shared.feeds.size > 0) return;
    this.#watches.delete(service);
    shared.stop();
  }

  /** Ends all; whoever watches afterwards gets an ended watch. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const { feeds } of [...this.#watches.values()]) for (const feed of [...feeds]) feed.end();
  }
}

class SharedWatch implements WatchTeller {
  readonly feeds = new Set<SnapshotFeed>();
  stop: () => void = () => {};
  #newest: Snapshot | undefined;

  join(feed: SnapshotFeed): void {
    this.feeds.add(feed);
    if (this.#newest !== undefined) feed.push(this.#newest);
  }

  found(snapshot: Snapshot): void {
    this.#push(snapshot);
  }

  failed(error: unknown): void {
    if (this.#newest?.stale === true) return;
    this.#push({ ...(this.#newest ?? NOTHING), stale: true, error });
  }

  #push(snapshot: Snapshot): void {
    this.#newest = snapshot;
    for (const feed of [...this.feeds]) feed.push(snapshot);
  }
}
