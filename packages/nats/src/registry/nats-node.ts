import type { Instance, Lease, Logger, Snapshot } from "@skein/core";
import type { RegistryNode, WatchTeller } from "@skein/registry/backend";
import { Announcer } from "./announcer.ts";
import { Follow } from "./follow.ts";
import { Link, type LinkOptions } from "./link.ts";
import { NatsLease } from "./nats-lease.ts";
import { Presence } from "./presence.ts";
import { ServiceWatch } from "./service-watch.ts";
import { Skipped } from "./skipped.ts";
import { Sweep } from "./sweep.ts";

export interface NatsNodeOptions extends LinkOptions {
  readonly logger: Logger;
}

/** Hears, asks and says what one registry of a process has to. */
export class NatsNode implements RegistryNode {
  readonly #link: Link;
  readonly #announcer: Announcer;
  readonly #o: NatsNodeOptions;
  readonly #presence = new Presence((service) => this.#watches.get(service)?.changed());
  readonly #skipped: Skipped;
  readonly #follows = new Map<string, { readonly follow: Follow; users: number }>();
  readonly #watches = new Map<string, ServiceWatch>();
  readonly #closed = new AbortController();
  readonly #sweep: Sweep;
  /** Counts disconnections: what began before one proves nothing after it. */
  #epoch = 0;

  constructor(options: NatsNodeOptions) {
    this.#o = options;
    this.#skipped = new Skipped(options.logger);
    this.#link = new Link(options, {
      connected: () => this.#connected(),
      disconnected: (error) => this.#disconnected(error),
    });
    this.#announcer = new Announcer(this.#link, options.runtime, options.logger);
    this.#sweep = new Sweep({
      runtime: options.runtime,
      presence: this.#presence,
      connected: () => this.#link.connected,
      ask: (services) => {
        for (const service of services) this.#follows.get(service)?.follow.ask();
        return this.#link.flush();
      },
      flush: () => this.#link.flush(),
    });
  }

  get malformed(): number {
    return this.#skipped.count;
  }

  #connected(): void {
    this.#sweep.connected();
    this.#announcer.sayAll();
    for (const watch of this.#watches.values()) watch.start();
  }

  #disconnected(error: Error): void {
    this.#epoch++;
    this.#sweep.disconnected();
    for (const watch of this.#watches.values()) watch.failed(error);
  }

  async lease(ttlMs: number, signal: AbortSignal | undefined, over: () => void): Promise<Lease> {
    await this.#link.ready(signal);
    const ports = { link: this.#link, announcer: this.#announcer, runtime: this.#o.runtime };
    return new NatsLease(ttlMs, ports, over);
  }

  // Whom it looks after.

  #use(service: string): Follow {
    const known = this.#follows.get(service);
    if (known !== undefined) {
      known.users++;
      return known.follow;
    }
    const follow = this.#follow(service, this.#presence);
    this.#follows.set(service, { follow, users: 1 });
    return follow;
  }

  #leave(service: string): void {
    const known = this.#follows.get(service);
    if (known === undefined || --known.users > 0) return;
    this.#follows.delete(service);
    known.follow.end();
  }

  #follow(service: string | undefined, presence: Presence): Follow {
    return new Follow({
      link: this.#link,
      presence,
      skipped: this.#skipped,
      runtime: this.#o.runtime,
      service,
      heard: (leftMs) => {
        if (presence === this.#presence) this.#sweep.wakeAt(this.#o.runtime.clock.fresh() + leftMs);
      },
    });
  }

  watch(service: string, tell: WatchTeller): () => void {
    const follow = this.#use(service);
    const watch = new ServiceWatch({
      runtime: this.#o.runtime,
      tell,
      look: async (signal) => {
        await follow.look(signal);
        if (this.#link.refused !== undefined) throw this.#link.refused;
      },
      snapshot: () => this.#snapshot(service),
    });
    this.#watches.set(service, watch);
    const end = watch.begin(this.#link);
    return () => {
      end();
      if (this.#watches.get(service) === watch) this.#watches.delete(service);
      this.#leave(service);
    };
  }

  #snapshot(service: string): Snapshot {
    return { instances: this.#presence.instances(service), revision: this.#presence.revision };
  }

  /** Asks now, and waits for answers. Rejects with UNAVAILABLE when there is no server. */
  async get(service: string): Promise<Snapshot> {
    await this.#link.ready();
    const follow = this.#use(service);
    try {
      await this.#look(follow);
      return this.#snapshot(service);
    } finally {
      this.#leave(service);
    }
  }

  /** As get(), of all services. */
  async list(): Promise<readonly Instance[]> {
    await this.#link.ready();
    const found = new Presence(() => {});
    const follow = this.#follow(undefined, found);
    try {
      await this.#look(follow);
      return found.services.flatMap((service) => found.instances(service));
    } finally {
      follow.end();
    }
  }

  async #look(follow: Follow): Promise<void> {
    const epoch = this.#epoch;
    const { signal } = this.#closed;
    await follow.look(signal);
    if (signal.aborted) throw new Error(`the registry ${this.#o.name} is closed`);
    if (this.#link.refused !== undefined) throw this.#link.refused;
    if (epoch !== this.#epoch) throw this.#link.unavailable(new Error("the connection was lost meanwhile"));
  }

  async close(): Promise<void> {
    this.#closed.abort();
    for (const watch of this.#watches.values()) watch.stop();
    this.#watches.clear();
    this.#sweep.stop();
    await this.#link.close();
  }
}
