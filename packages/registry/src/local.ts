import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { access, rename, unlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type Instance,
  type Lease,
  LeaseLostError,
  type LeaseOptions,
  type Logger,
  type Registry,
  type Runtime,
  type Snapshot,
} from "@skein/core";
import { ensurePrivateDirectory, localDirectory } from "./local-directory.ts";
import { fileNameOf, type LocalRecord } from "./local-record.ts";
import { LocalScanner } from "./local-scanner.ts";
import { ownIdentity } from "./process-identity.ts";
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
 * its process is (within a second, kill -9 included), and at the latest after its TTL.
 */
export function createLocalRegistry(options: LocalRegistryOptions): Registry {
  return new LocalRegistry(options);
}

class LocalRegistry implements Registry {
  readonly name: string;
  readonly #directory: string;
  readonly #root: string;
  readonly #scanner: LocalScanner;
  readonly #feeds = new Map<SnapshotFeed, string>();
  readonly #leases = new Set<LocalLease>();
  #error: Error | undefined;
  #closed = false;

  constructor(options: LocalRegistryOptions) {
    this.#root = options.directory ?? localDirectory();
    this.#directory = join(
      this.#root,
      encodeURIComponent(options.namespace ?? "default").replaceAll(".", "%2E"),
    );
    this.name = `local:${this.#directory}`;
    this.#scanner = new LocalScanner({
      directory: this.#directory,
      runtime: options.runtime,
      logger: options.logger,
      onChange: (error) => this.#changed(error),
    });
  }

  #prepare(): void {
    if (this.#closed) throw new Error("the registry is closed");
    ensurePrivateDirectory(this.#root);
    ensurePrivateDirectory(this.#directory);
  }

  /** Rejects, saying what to do, where records could not be written. */
  async check(): Promise<void> {
    this.#prepare();
    await access(this.#directory, constants.W_OK | constants.X_OK).catch((cause) => {
      throw new Error(
        `the registry directory ${this.#directory} cannot be written: ${(cause as Error).message}. Set SKEIN_LOCAL_DIR to one that can`,
        { cause },
      );
    });
    const probe = join(this.#directory, `.probe-${randomUUID()}`);
    await writeFile(probe, "").catch((cause) => {
      throw new Error(
        `the registry directory ${this.#directory} cannot be written: ${(cause as Error).message}. Set SKEIN_LOCAL_DIR to one that can`,
        { cause },
      );
    });
    await unlink(probe);
  }

  async lease({ ttlMs, signal }: LeaseOptions): Promise<Lease> {
    signal?.throwIfAborted();
    this.#prepare();
    const lease: LocalLease = new LocalLease(this.#directory, ttlMs, () => this.#leases.delete(lease));
    this.#leases.add(lease);
    return lease;
  }

  watch(service: string, { signal }: { readonly signal: AbortSignal }): AsyncIterable<Snapshot> {
    const feed = new SnapshotFeed(signal, () => {
      this.#feeds.delete(feed);
      if (this.#feeds.size === 0) this.#scanner.stop();
    });
    if (this.#closed) void feed.return();
    this.#feeds.set(feed, service);
    try {
      this.#prepare();
      this.#scanner.scan();
      this.#error = undefined;
      this.#scanner.start();
    } catch (error) {
      this.#error = error as Error;
      this.#scanner.start();
    }
    feed.push(this.#snapshot(service));
    return feed;
  }

  #changed(error?: Error): void {
    this.#error = error;
    for (const [feed, service] of this.#feeds) feed.push(this.#snapshot(service));
  }

  #snapshot(service: string): Snapshot {
    const instances = this.#scanner.instances.filter((i) => i.service === service);
    const { revision } = this.#scanner;
    return this.#error === undefined
      ? { instances, revision }
      : { instances, revision, stale: true, error: this.#error };
  }

  async get(service: string): Promise<Snapshot> {
    this.#prepare();
    this.#scanner.scan();
    return {
      instances: this.#scanner.instances.filter((i) => i.service === service),
      revision: this.#scanner.revision,
    };
  }

  async list() {
    this.#prepare();
    this.#scanner.scan();
    return summarize(this.#scanner.instances);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const feed of [...this.#feeds.keys()]) void feed.return();
    this.#scanner.stop();
    await Promise.all([...this.#leases].map((lease) => lease.release()));
  }
}

class LocalLease implements Lease {
  readonly ttlMs: number;
  onLost: ((reason: string) => void) | undefined;
  readonly #directory: string;
  readonly #over: () => void;
  readonly #files = new Map<string, string>();
  #released = false;

  constructor(directory: string, ttlMs: number, over: () => void) {
    this.#directory = directory;
    this.ttlMs = ttlMs;
    this.#over = over;
  }

  /** A record that somebody removed is lost: the keeper writes it again. */
  async renew(): Promise<"held" | "lost"> {
    if (this.#released) return "lost";
    const now = new Date();
    try {
      for (const file of this.#files.values()) await utimes(file, now, now);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return "lost";
      throw error;
    }
    return "held";
  }

  async put(instance: Instance): Promise<void> {
    if (this.#released) throw new LeaseLostError("the lease was released");
    const record: LocalRecord = { instance, ttlMs: this.ttlMs, process: ownIdentity() };
    const file = join(this.#directory, fileNameOf(instance.service, instance.id));
    const draft = `${file}.${randomUUID()}.tmp`;
    try {
      await writeFile(draft, JSON.stringify(record), { mode: 0o600 });
      await rename(draft, file);
    } catch (cause) {
      await unlink(draft).catch(() => {});
      throw new Error(`the record ${file} cannot be written: ${(cause as Error).message}`, { cause });
    }
    if (this.#released) await unlink(file).catch(() => {});
    else this.#files.set(instance.id, file);
  }

  async remove(id: string): Promise<void> {
    const file = this.#files.get(id);
    this.#files.delete(id);
    if (file !== undefined) await remove(file);
  }

  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    this.#over();
    await Promise.all([...this.#files.values()].map(remove));
  }
}

async function remove(file: string): Promise<void> {
  await unlink(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
}
