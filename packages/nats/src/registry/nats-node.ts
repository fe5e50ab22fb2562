import type { Instance, Logger, Snapshot, Timer } from "@skein/core";
import { pause, type WatchTeller } from "@skein/registry/backend";
import { Announcer } from "./announcer.ts";
import { Follow } from "./follow.ts";
import { Link, type LinkOptions } from "./link.ts";
import { Presence } from "./presence.ts";
import { ServiceWatch } from "./service-watch.ts";
import { Skipped } from "./skipped.ts";

/** Who seems to be over is asked, and has so long to answer, ms. */
const LAST_WORD_MS = 250;
/** Between two looks at what is over, at least, ms. */
const LEAST_SLEEP_MS = 20;
/** A server that did not confirm is tried again after so long, ms. */
const DOUBT_AGAIN_MS = 100;

export interface NatsNodeOptions extends LinkOptions {
  readonly logger: Logger;
}

/** Hears, asks and says what one registry of a process has to. */
export class NatsNode {
  readonly link: Link;
  readonly announcer: Announcer;
  readonly #o: NatsNodeOptions;
  readonly #presence = new Presence((service) => this.#watches.get(service)?.changed());
  readonly #skipped: Skipped;
  readonly #follows = new Map<string, { readonly follow: Follow; users: number }>();
  readonly #watches = new Map<string, ServiceWatch>();
  readonly #closed = new AbortController();
  #tick: { readonly at: number; readonly timer: Timer } | undefined;
  #doubting = false;
  /** Counts disconnections: what began before one proves nothing after it. */
  #epoch = 0;

  constructor(options: NatsNodeOptions) {
    this.#o = options;
    this.#skipped = new Skipped(options.logger);
    this.link = new Link(options, {
      connected: () => this.#connected(),
      disconnected: (error) => this.#disconnected(error),
    });
    this.announcer = new Announcer(this.link, options.runtime);
  }

  get malformed(): number {
    return this.#skipped.count;
  }

  get #now(): number {
    return this.#o.runtime.clock.fresh();
  }

  #connected(): void {
    this.#presence.forgive(this.#now);
    this.announcer.sayAll();
    for (const watch of this.#watches.values()) watch.start();
    this.#wakeAt(this.#presence.due(this.#now).nextAt);
  }

  #disconnected(error: Error): void {
    this.#epoch++;
    for (const watch of this.#watches.values()) watch.failed(error);
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
      link: this.link,
      presence,
      skipped: this.#skipped,
      runtime: this.#o.runtime,
      service,
      heard: (leftMs) => {
        if (presence === this.#presence) this.#wakeAt(this.#now + leftMs);
      },
    });
  }

  watch(service: string, tell: WatchTeller): () => void {
    const follow = this.#use(service);
    const watch = new ServiceWatch({
      runtime: this.#o.runtime,
      tell,
      look: (signal) => follow.look(signal),
      snapshot: () => this.#snapshot(service),
      fault: () => this.link.refused,
    });
    this.#watches.set(service, watch);
    let ended = false;
    if (this.link.connected) watch.start();
    else
      this.link.ready().catch((error: unknown) => {
        if (!ended && !this.link.connected) watch.failed(error);
      });
    return () => {
      ended = true;
      watch.stop();
      if (this.#watches.get(service) === watch) this.#watches.delete(service);
      this.#leave(service);
    };
  }

  #snapshot(service: string): Snapshot {
    return { instances: this.#presence.instances(service), revision: this.#presence.revision };
  }

  /** Asks now, and waits for answers. Rejects with UNAVAILABLE when there is no server. */
  async get(service: string): Promise<Snapshot> {
    await this.link.ready();
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
    await this.link.ready();
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
    if (this.link.refused !== undefined) throw this.link.refused;
    if (epoch !== this.#epoch) throw this.link.unavailable(new Error("the connection was lost meanwhile"));
  }

  // What time brings.

  #wakeAt(at: number): void {
    if (at === Number.POSITIVE_INFINITY || this.#closed.signal.aborted) return;
    if (this.#tick !== undefined && this.#tick.at <= at) return;
    this.#tick?.timer.cancel();
    const timer = this.#o.runtime.clock.setTimer(Math.max(LEAST_SLEEP_MS, at - this.#now), () => {
      this.#tick = undefined;
      this.#sweep();
    });
    this.#tick = { at, timer };
  }

  /** Without a server nothing ends. */
  #sweep(): void {
    if (!this.link.connected || this.#doubting) return;
    const at = this.#now;
    const { services, nextAt } = this.#presence.due(at);
    if (services.size === 0) this.#wakeAt(nextAt);
    else void this.#doubt(at, services);
  }

  /**
   * Ends what was over by `at` and does not answer. Only where the server confirms meanwhile that we have all it had for us: a server that is frozen, or a
   * loop of ours that was blocked, ends nobody.
   */
  async #doubt(at: number, services: ReadonlySet<string>): Promise<void> {
    this.#doubting = true;
    const epoch = this.#epoch;
    const { signal } = this.#closed;
    for (const service of services) this.#follows.get(service)?.follow.ask();
    try {
      await this.link.flush();
      await pause(this.#o.runtime, LAST_WORD_MS, signal);
      await this.link.flush();
      if (epoch === this.#epoch && !signal.aborted) this.#presence.expire(at);
    } catch {
      // It is tried again, or there is a disconnection.
    }
    this.#doubting = false;
    const now = this.#now;
    const { services: over, nextAt } = this.#presence.due(now);
    this.#wakeAt(over.size > 0 ? now + DOUBT_AGAIN_MS : nextAt);
  }

  async close(): Promise<void> {
    this.#closed.abort();
    for (const watch of this.#watches.values()) watch.stop();
    this.#watches.clear();
    this.#tick?.timer.cancel();
    await this.link.close();
  }
}
