import type { Instance, Lease, Registry, ServiceSummary, Snapshot } from "@skein/core";
import { checkInstance, SnapshotFeed, summarize } from "@skein/registry/backend";
import type { Machine } from "./machine.ts";
import type { Network } from "./network.ts";
import { createRandom, type Random } from "./random.ts";
import type { RegistryStore } from "./registry-store.ts";
import type { Scheduler } from "./scheduler.ts";

/** The host that the registry runs on, for partitions. */
export const REGISTRY = "registry";
/** A request that is not answered fails by then. */
const REQUEST_MS = 5000;
/** A watch that cannot be kept up says so after so long. */
const STALE_MS = 2000;
/** And is begun again so soon after it can be, at the latest. */
const AGAIN_MS = 1000;
const FAIL_CHANCE = 0.5;

export interface PortOptions {
  readonly seed: number;
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly store: RegistryStore;
  readonly machine: Machine;
}

/** The registry as one process sees it: over the network. */
export function createRegistryPort(options: PortOptions): Registry & { readonly watches: number } {
  return new Port(options);
}

class Port implements Registry {
  readonly name = "sim:";
  readonly #o: PortOptions;
  readonly #random: Random;
  readonly #watches = new Set<Watch>();

  constructor(options: PortOptions) {
    this.#o = options;
    this.#random = createRandom(options.seed, `registry ${options.machine.name}`);
  }

  get watches(): number {
    return this.#watches.size;
  }

  lease({ ttlMs }: { readonly ttlMs: number }): Promise<Lease> {
    const { store } = this.#o;
    return this.#ask(() => {
      const granted = store.grant(ttlMs);
      return {
        ttlMs,
        renew: () => this.#ask(() => store.renew(granted)),
        put: async (instance) => {
          checkInstance(instance);
          await this.#ask(() => store.put(granted, instance));
        },
        remove: (id) => this.#ask(() => store.remove(granted, id)),
        release: () => this.#ask(() => store.end(granted)),
      };
    });
  }
  get(service: string): Promise<Snapshot> {
    return this.#ask(() => this.#o.store.read(service));
  }
  list(): Promise<readonly ServiceSummary[]> {
    return this.#ask(() => summarize(this.#o.store.readable));
  }
  watch(service: string, { signal }: { readonly signal: AbortSignal }): AsyncIterable<Snapshot> {
    const watch = new Watch(this.#o, this.#random, service, signal, () => this.#watches.delete(watch));
    this.#watches.add(watch);
    return watch.feed;
  }
  async close(): Promise<void> {
    for (const watch of this.#watches) watch.feed.end();
  }

  /** There, done, and back. A request that is lost on either way fails in time; what it asked for may have been done. */
  #ask<T>(make: () => T): Promise<T> {
    const { machine, store, network } = this.#o;
    const random = this.#random;
    return new Promise((resolve, reject) => {
      const timer = machine.runtime.clock.setTimer(REQUEST_MS, () =>
        reject(new Error("the registry did not answer: ETIMEDOUT")),
      );
      const answer = (settle: () => void): void => {
        const arrives = (): void =>
          machine.enter(() => {
            timer.cancel();
            settle();
          });
        const slowMs = store.slowMs * random.next();
        network.send(random, REGISTRY, machine.host, arrives, slowMs);
      };
      network.send(random, machine.host, REGISTRY, () => {
        if (store.trouble === "down") return answer(() => reject(new Error("connect ECONNREFUSED registry")));
        const fails = store.trouble === "failing" && random.chance(FAIL_CHANCE);
        const failed = (): void => reject(new Error("the registry failed: 503"));
        if (fails && random.chance(0.5)) return answer(failed);
        try {
          const value = make();
          answer(fails ? failed : () => resolve(value));
        } catch (error) {
          answer(() => reject(error));
        }
      });
    });
  }
}

/** One watch: the newest view, as soon as the way is free. */
class Watch {
  readonly feed: SnapshotFeed;
  readonly #o: PortOptions;
  readonly #random: Random;
  readonly #service: string;
  /** As delivered last. */
  #known: readonly Instance[] = [];
  #revision = 0;
  #over = false;
  #coming = false;
  /** It is known to be out of date. */
  #doubted = false;

  constructor(options: PortOptions, random: Random, service: string, signal: AbortSignal, onEnd: () => void) {
    this.#o = options;
    this.#random = random;
    this.#service = service;
    const tell = (changed: string | undefined): void => {
      if (changed === undefined || changed === service) this.#refresh();
    };
    this.feed = new SnapshotFeed(signal, () => {
      this.#over = true;
      options.store.watchers.delete(tell);
      onEnd();
    });
    options.store.watchers.add(tell);
    this.#refresh();
  }

  /** Brings the newest: one delivery at a time, so that none overtakes another. */
  #refresh(afterMs = 0): void {
    if (this.#coming || this.#over) return;
    this.#coming = true;
    const { scheduler, network, store, machine } = this.#o;
    const asked = scheduler.now;
    scheduler.at(
      asked + afterMs + network.travelMs(this.#random) + store.slowMs * this.#random.next(),
      () => {
        this.#coming = false;
        if (this.#over || machine.state === "gone") return;
        if (network.isCut(REGISTRY, machine.host)) return this.#wait();
        if (store.trouble === "down") return this.#doubt("connect ECONNREFUSED registry");
        if (store.trouble === "failing" && this.#random.chance(FAIL_CHANCE)) {
          this.#doubt("the registry failed: 503");
          return this.#refresh(this.#random.between(0, AGAIN_MS));
        }
        const { instances, revision } = store.read(this.#service);
        this.#doubted = false;
        this.#known = instances;
        this.#revision = revision;
        machine.enter(() => this.feed.push({ instances, revision }));
      },
    );
  }

  /** Cut off: silence at first, then what was known, as stale. */
  #wait(): void {
    const { scheduler, network, machine } = this.#o;
    let healed = false;
    network.whenHealed(REGISTRY, machine.host, () => {
      healed = true;
      this.#refresh(this.#random.between(0, AGAIN_MS));
    });
    scheduler.at(scheduler.now + STALE_MS, () => {
      if (!healed) this.#doubt("the registry does not answer");
    });
  }

  #doubt(why: string): void {
    if (this.#doubted || this.#over) return;
    this.#doubted = true;
    const snapshot = { instances: this.#known, revision: this.#revision, stale: true, error: new Error(why) };
    this.#o.machine.enter(() => this.feed.push(snapshot));
  }
}
