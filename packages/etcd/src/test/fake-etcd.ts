import type { Change, EtcdPort, KeyValue, WatchHandlers } from "../etcd-port.ts";
import { Revisions } from "../revisions.ts";

interface Watcher extends WatchHandlers {
  readonly prefix: string;
}

/** A store in memory that fails as it is told to, for the pure parts: what etcd itself does is tested with etcd. */
export class FakeEtcd {
  readonly keys = new Map<string, KeyValue>();
  readonly history: Change[] = [];
  readonly watchers = new Set<Watcher>();
  revision = 1;
  compacted = 0;
  down = false;
  lists = 0;
  /** Called at each list. */
  onList: () => void = () => {};

  put(key: string, value: string): void {
    this.revision++;
    this.keys.set(key, { key, value, revision: this.revision });
    this.#tell({ key, value, revision: this.revision });
  }

  remove(key: string): void {
    if (!this.keys.delete(key)) return;
    this.revision++;
    this.#tell({ key, value: undefined, revision: this.revision });
  }

  #tell(change: Change): void {
    this.history.push(change);
    for (const watcher of this.watchers)
      if (change.key.startsWith(watcher.prefix)) watcher.changed([change], change.revision);
  }

  compact(): void {
    this.compacted = this.revision;
  }

  /** All is gone, and the revision begins anew. */
  wipe(): void {
    this.keys.clear();
    this.history.length = 0;
    this.revision = 1;
    this.compacted = 0;
  }

  /** Watches end; questions fail until it is up again. */
  fall(): void {
    this.down = true;
    for (const watcher of [...this.watchers]) this.#end(watcher, "connection lost");
  }

  #end(watcher: Watcher, why: string): void {
    this.watchers.delete(watcher);
    watcher.ended(new Error(why));
  }

  port(): EtcdPort {
    const refuse = (): Promise<never> => Promise.reject(new Error("not used here"));
    return {
      grant: refuse,
      keepAlive: refuse,
      revoke: refuse,
      put: refuse,
      removeHeld: refuse,
      check: refuse,
      revisions: new Revisions(),
      close: () => {},
      list: async (prefix) => {
        this.lists++;
        this.onList();
        if (this.down) throw new Error("connection refused");
        const records = [...this.keys.values()].filter((kv) => kv.key.startsWith(prefix));
        return { records, revision: this.revision };
      },
      watch: (prefix, from, handlers) => {
        const watcher: Watcher = { ...handlers, prefix };
        this.watchers.add(watcher);
        queueMicrotask(() => {
          if (!this.watchers.has(watcher)) return;
          if (this.down) return this.#end(watcher, "connection refused");
          if (from <= this.compacted) return this.#end(watcher, `compacted at ${this.compacted}`);
          const missed = this.history.filter((c) => c.revision >= from && c.key.startsWith(prefix));
          if (missed.length > 0) watcher.changed(missed, missed.at(-1)?.revision as number);
        });
        return () => this.watchers.delete(watcher);
      },
    };
  }
}
