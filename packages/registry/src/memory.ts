import {
  type Instance,
  type Lease,
  LeaseLostError,
  type LeaseOptions,
  type Registry,
  type Runtime,
  type ServiceSummary,
  type Snapshot,
  type Timer,
} from "@skein/core";
import { checkInstance } from "./check-instance.ts";
import { SnapshotFeed } from "./snapshot-feed.ts";
import { summarize } from "./summary.ts";

export interface MemoryRegistryOptions {
  readonly runtime: Runtime;
  /** Registries of one name in one process are one. @default a store of its own */
  readonly name?: string | undefined;
}

interface Stored {
  readonly instance: Instance;
  readonly lease: object;
}

/** What registries of one name share. Ids are unique, whatever the service. */
class Store {
  readonly records = new Map<string, Stored>();
  readonly feeds = new Map<string, Set<SnapshotFeed>>();
  revision = 0;

  snapshot(service: string): Snapshot {
    const instances = [...this.records.values()].map((r) => r.instance).filter((i) => i.service === service);
    return { instances, revision: this.revision };
  }

  changed(service: string): void {
    this.revision++;
    const feeds = this.feeds.get(service);
    if (feeds === undefined) return;
    const snapshot = this.snapshot(service);
    for (const feed of [...feeds]) feed.push(snapshot);
  }

  removeOf(lease: object): void {
    for (const [id, record] of [...this.records]) {
      if (record.lease !== lease) continue;
      this.records.delete(id);
      this.changed(record.instance.service);
    }
  }
}

const named = new Map<string, Store>();

/** Within one process, for development and tests: `memory:` or `memory:name`. Leases expire by the runtime's clock. */
export function createMemoryRegistry(options: MemoryRegistryOptions): Registry {
  const { runtime, name } = options;
  const store = name === undefined ? new Store() : (named.get(name) ?? new Store());
  if (name !== undefined) named.set(name, store);
  const leases = new Set<MemoryLease>();
  const feeds = new Set<SnapshotFeed>();
  let closed = false;
  return {
    name: `memory:${name ?? ""}`,
    async lease({ ttlMs, signal }: LeaseOptions): Promise<Lease> {
      signal?.throwIfAborted();
      if (closed) throw new Error("the registry is closed");
      const lease = new MemoryLease(store, runtime, ttlMs, () => leases.delete(lease));
      leases.add(lease);
      return lease;
    },
    watch(service, { signal }) {
      const all = store.feeds.get(service) ?? new Set();
      const feed = new SnapshotFeed(signal, () => {
        all.delete(feed);
        if (all.size === 0) store.feeds.delete(service);
        feeds.delete(feed);
      });
      if (closed) {
        feed.end();
        return feed;
      }
      store.feeds.set(service, all);
      all.add(feed);
      feeds.add(feed);
      feed.push(store.snapshot(service));
      return feed;
    },
    get: async (service) => store.snapshot(service),
    list: async (): Promise<readonly ServiceSummary[]> =>
      summarize([...store.records.values()].map((r) => r.instance)),
    async close() {
      closed = true;
      for (const feed of [...feeds]) feed.end();
      await Promise.all([...leases].map((lease) => lease.release()));
    },
  };
}

class MemoryLease implements Lease {
  readonly ttlMs: number;
  onLost: ((reason: string) => void) | undefined;
  readonly #store: Store;
  readonly #runtime: Runtime;
  readonly #over: () => void;
  #timer: Timer;
  #lost = false;

  constructor(store: Store, runtime: Runtime, ttlMs: number, over: () => void) {
    this.ttlMs = ttlMs;
    this.#store = store;
    this.#runtime = runtime;
    this.#over = over;
    this.#timer = this.#arm();
  }

  #arm(): Timer {
    return this.#runtime.clock.setTimer(this.ttlMs, () => this.#end());
  }

  #end(): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#timer.cancel();
    this.#store.removeOf(this);
    this.#over();
  }

  async renew(): Promise<"held" | "lost"> {
    if (this.#lost) return "lost";
    this.#timer.cancel();
    this.#timer = this.#arm();
    return "held";
  }

  async put(instance: Instance): Promise<void> {
    checkInstance(instance);
    if (this.#lost) throw new LeaseLostError("the lease has expired");
    this.#store.records.set(instance.id, { instance, lease: this });
    this.#store.changed(instance.service);
  }

  async remove(id: string): Promise<void> {
    const record = this.#store.records.get(id);
    if (record === undefined || record.lease !== this) return;
    this.#store.records.delete(id);
    this.#store.changed(record.instance.service);
  }

  async release(): Promise<void> {
    this.#end();
  }
}
