import { randomUUID } from "node:crypto";
import { unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Lease, LeaseOptions, Logger, Registry, Runtime, ServiceSummary, Snapshot } from "@skein/core";
import { ensurePrivateDirectory, localDirectory } from "./local-directory.ts";
import { LocalLease } from "./local-lease.ts";
import { escaped } from "./local-record.ts";
import { LocalScanner } from "./local-scanner.ts";
import { SnapshotFeed } from "./snapshot-feed.ts";
import { summarize } from "./summary.ts";

export interface LocalRegistryOptions {
  readonly runtime: Runtime;
  readonly logger: Logger;
  /** @default SKEIN_LOCAL_DIR, or /tmp/skein-UID */
  readonly directory?: string | undefined;
  /** Keeps groups of services apart. @default "default" */
  readonly namespace?: string | undefined;
}

/**
 * Processes of one user on one machine find each other through files in a private directory: the default in development. A record is gone as soon as
 * its process is (within a second, kill -9 included; Linux), and at the latest after its TTL. Leases live by changes of a file's time, counted by each
 * reader's monotonic clock: a step of the wall clock ends none. Watching is by the system's notifications, and a look each 500 ms.
 */
export function createLocalRegistry(options: LocalRegistryOptions): Registry {
  return new LocalRegistry(options);
}

class LocalRegistry implements Registry {
  readonly name: string;
  readonly #runtime: Runtime;
  readonly #directory: string;
  readonly #root: string;
  readonly #scanner: LocalScanner;
  readonly #feeds = new Map<SnapshotFeed, string>();
  readonly #leases = new Set<LocalLease>();
  #error: Error | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: LocalRegistryOptions) {
    this.#runtime = options.runtime;
    this.#root = options.directory ?? localDirectory();
    this.#directory = join(this.#root, escaped(options.namespace || "default"));
    this.name = `local:${this.#directory}`;
    this.#scanner = new LocalScanner({
      directory: this.#directory,
      root: this.#root,
      runtime: options.runtime,
      logger: options.logger,
      onChange: (error) => this.#changed(error),
    });
  }

  get malformed(): number {
    return this.#scanner.malformed;
  }

  #prepare(): void {
    if (this.#closing !== undefined) throw new Error(`the registry ${this.name} is closed`);
    ensurePrivateDirectory(this.#root);
    ensurePrivateDirectory(this.#directory);
  }

  /** Rejects, saying what to do, where records could not be written. */
  async check(): Promise<void> {
    this.#prepare();
    const probe = join(this.#directory, `.probe-${randomUUID()}`);
    await writeFile(probe, "").catch((cause: Error) => {
      throw new Error(
        `the registry directory ${this.#directory} cannot be written: ${cause.message}. Set SKEIN_LOCAL_DIR to one that can`,
        { cause },
      );
    });
    await unlink(probe);
  }

  async lease({ ttlMs, signal }: LeaseOptions): Promise<Lease> {
    signal?.throwIfAborted();
    this.#prepare();
    const over = (): boolean => this.#leases.delete(lease);
    const lease: LocalLease = new LocalLease(this.#directory, ttlMs, this.#runtime, over);
    this.#leases.add(lease);
    return lease;
  }

  watch(service: string, { signal }: { readonly signal: AbortSignal }): AsyncIterable<Snapshot> {
    const feed = new SnapshotFeed(signal, () => {
      this.#feeds.delete(feed);
      if (this.#feeds.size === 0) this.#scanner.stop();
    });
    if (this.#closing !== undefined) {
      feed.end();
      return feed;
    }
    this.#feeds.set(feed, service);
    this.#scanner.start();
    try {
      this.#prepare();
    } catch {
      // It may be there all the same, to be read only; if not, the look says so.
    }
    this.#scanner.look();
    feed.push(this.#snapshot(service));
    return feed;
  }

  #changed(error?: Error): void {
    this.#error = error;
    for (const [feed, service] of [...this.#feeds]) feed.push(this.#snapshot(service));
  }

  #snapshot(service: string): Snapshot {
    const fresh = this.#present(service);
    return this.#error === undefined ? fresh : { ...fresh, stale: true, error: this.#error };
  }

  #present(service: string): Snapshot {
    const instances = this.#scanner.instances.filter((i) => i.service === service);
    return { instances, revision: this.#scanner.revision };
  }

  async get(service: string): Promise<Snapshot> {
    this.#ask();
    return this.#present(service);
  }

  async list(): Promise<readonly ServiceSummary[]> {
    this.#ask();
    return summarize(this.#scanner.instances);
  }

  /** What is new is told to watches as well. */
  #ask(): void {
    this.#prepare();
    this.#scanner.look();
    if (this.#error !== undefined) throw this.#error;
  }

  close(): Promise<void> {
    this.#closing ??= Promise.resolve().then(() => this.#close());
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const feed of [...this.#feeds.keys()]) feed.end();
    this.#scanner.stop();
    await Promise.all([...this.#leases].map((lease) => lease.release()));
  }
}
