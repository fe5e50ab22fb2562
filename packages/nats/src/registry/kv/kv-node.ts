import type { Instance, Lease, Logger, Snapshot } from "@skein/core";
import { RpcError } from "@skein/core";
import type { RegistryNode, WatchTeller } from "@skein/registry/backend";
import { JetStream } from "../../jetstream/jetstream.ts";
import { Link, type LinkOptions } from "../link.ts";
import { Presence } from "../presence.ts";
import { ServiceWatch } from "../service-watch.ts";
import { Skipped } from "../skipped.ts";
import { Sweep } from "../sweep.ts";
import { KvFollow } from "./kv-follow.ts";
import type { KvKeys } from "./kv-keys.ts";
import { KvLease } from "./kv-lease.ts";
import { KvQuestions } from "./kv-questions.ts";
import { KvStore } from "./kv-store.ts";

export interface KvNodeOptions extends LinkOptions {
  readonly logger: Logger;
  readonly keys: KvKeys;
}

interface Watched {
  readonly follow: KvFollow;
  readonly watch: ServiceWatch;
}

/** What one registry of a process has in a bucket of JetStream's key-value, and hears of it. */
export class KvNode implements RegistryNode {
  readonly #o: KvNodeOptions;
  readonly #link: Link;
  readonly #js: JetStream;
  readonly #questions: KvQuestions;
  readonly #store: KvStore;
  readonly #skipped: Skipped;
  readonly #watched = new Map<string, Watched>();
  readonly #leases = new Set<KvLease>();
  readonly #presence = new Presence((service) => {
    this.#revision++;
    this.#watched.get(service)?.watch.changed();
  });
  readonly #sweep: Sweep;
  /** Grows with each change that is seen, and each question: the stream's begins anew where it was wiped. */
  #revision = 0;

  constructor(options: KvNodeOptions) {
    this.#o = options;
    const { runtime, logger, keys } = options;
    this.#skipped = new Skipped(logger);
    this.#link = new Link(options, {
      connected: () => this.#connected(),
      disconnected: (error) => this.#disconnected(error),
      denied: (subject) => this.#questions.denied(subject),
    });
    this.#questions = new KvQuestions(this.#link, runtime);
    this.#js = new JetStream(this.#questions);
    this.#store = new KvStore(this.#js, this.#link, keys);
    this.#sweep = new Sweep({
      runtime,
      presence: this.#presence,
      connected: () => this.#link.connected,
      ask: async (services) => {
        await Promise.all([...services].map((service) => this.#watched.get(service)?.follow.load()));
      },
      flush: () => this.#link.flush(),
    });
  }

  get malformed(): number {
    return this.#skipped.count;
  }

  /** Rejects where the server has no JetStream, or does not let us use it. */
  async check(): Promise<void> {
    try {
      await this.#store.ready();
    } catch (error) {
      if (!(error instanceof RpcError) || error.code !== "UNAVAILABLE") throw error;
    }
  }

  #connected(): void {
    this.#sweep.connected();
    for (const lease of this.#leases) void lease.reconnected();
    for (const { watch } of this.#watched.values()) watch.start();
  }

  #disconnected(error: Error): void {
    this.#sweep.disconnected();
    this.#store.forget();
    this.#questions.disconnected(error);
    for (const { follow, watch } of this.#watched.values()) {
      watch.failed(error);
      follow.stop();
    }
  }

  async lease(ttlMs: number, signal: AbortSignal | undefined, over: () => void): Promise<Lease> {
    const { maxAgeMs } = await this.#store.ready(signal);
    if (maxAgeMs > 0 && ttlMs > maxAgeMs)
      throw new RpcError(
        "FAILED_PRECONDITION",
        `the registry ${this.#o.name}: the bucket ${this.#o.keys.bucket} forgets all after ${maxAgeMs} ms (max_age), and a lease is to hold for ${ttlMs} ms`,
        { executed: "no" },
      );
    const lease: KvLease = new KvLease(ttlMs, this.#store, this.#o.runtime, () => {
      this.#leases.delete(lease);
      over();
    });
    this.#leases.add(lease);
    return lease;
  }

  #follow(service: string | undefined, presence: Presence, deaf: () => void): KvFollow {
    const { runtime, keys } = this.#o;
    return new KvFollow({
      js: this.#js,
      link: this.#link,
      keys,
      runtime,
      presence,
      skipped: this.#skipped,
      service,
      deaf,
      heard: (leftMs) => {
        if (presence === this.#presence) this.#sweep.wakeAt(runtime.clock.fresh() + leftMs);
      },
    });
  }

  watch(service: string, tell: WatchTeller): () => void {
    const { runtime, keys } = this.#o;
    // Throws for a name that can be none.
    keys.followed(service);
    this.#link.open();
    const follow = this.#follow(service, this.#presence, () => watch.start());
    const watch: ServiceWatch = new ServiceWatch({
      runtime,
      tell,
      look: async () => {
        if (this.#link.refused !== undefined) throw this.#link.refused;
        await follow.load();
      },
      snapshot: () => ({ instances: this.#presence.instances(service), revision: this.#revision }),
    });
    this.#watched.set(service, { follow, watch });
    const end = watch.begin(this.#link);
    return () => {
      end();
      if (this.#watched.get(service)?.watch === watch) this.#watched.delete(service);
      follow.end();
    };
  }

  async get(service: string): Promise<Snapshot> {
    const instances = await this.#read(service);
    return { instances, revision: ++this.#revision };
  }

  list(): Promise<readonly Instance[]> {
    return this.#read(undefined);
  }

  async #read(service: string | undefined): Promise<readonly Instance[]> {
    await this.#link.ready();
    const found = new Presence(() => {});
    const follow = this.#follow(service, found, () => {});
    try {
      await follow.load();
      return found.services.flatMap((name) => found.instances(name));
    } finally {
      follow.end();
    }
  }

  async close(): Promise<void> {
    for (const { watch, follow } of this.#watched.values()) {
      watch.stop();
      follow.end();
    }
    this.#watched.clear();
    this.#sweep.stop();
    this.#questions.disconnected(new Error(`the registry ${this.#o.name} is closed`));
    await this.#link.close();
  }
}
