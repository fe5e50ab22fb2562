import type { Clock, Timer } from "@skein/core";
import { watchedJson } from "./listings.ts";
import type { CentreStore } from "./store.ts";

/** Changes within so many ms are told together. */
const GAP_MS = 25;

/** A service as it is now, made once however many ask. */
export interface ServiceView {
  readonly revision: number;
  readonly json: Buffer;
}

class Watched {
  readonly wakes = new Set<() => void>();
  view: ServiceView | undefined;
  timer: Timer | undefined;
  wokenAt = Number.NEGATIVE_INFINITY;
}

/** Wakes those who wait for a change of a service: also when a time is over, which nobody tells. */
export class Watchers {
  readonly #store: CentreStore;
  readonly #clock: Clock;
  readonly #watched = new Map<string, Watched>();
  #expiry: { readonly at: number; readonly timer: Timer } | undefined;
  #closed = false;

  constructor(store: CentreStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** How many wait. */
  get size(): number {
    let size = 0;
    for (const { wakes } of this.#watched.values()) size += wakes.size;
    return size;
  }

  /** `wake` is called after each change of the service, and when all is over. Returns what ends it. */
  add(namespace: string, service: string, wake: () => void): () => void {
    const at = `${namespace}/${service}`;
    const watched = this.#watched.get(at) ?? new Watched();
    this.#watched.set(at, watched);
    watched.wakes.add(wake);
    this.arm();
    return () => void watched.wakes.delete(wake);
  }

  view(namespace: string, service: string): ServiceView {
    const watched = this.#watched.get(`${namespace}/${service}`);
    const revision = this.#store.revisionOf(namespace, service);
    if (watched?.view?.revision === revision) return watched.view;
    const view = { revision, json: Buffer.from(watchedJson(this.#store, namespace, service)) };
    if (watched !== undefined) watched.view = view;
    return view;
  }

  /** To be told of each change. */
  changed(namespace: string, service: string): void {
    const watched = this.#watched.get(`${namespace}/${service}`);
    if (watched === undefined || watched.wakes.size === 0 || watched.timer !== undefined || this.#closed)
      return;
    const waitMs = Math.max(0, watched.wokenAt + GAP_MS - this.#clock.fresh());
    watched.timer = this.#clock.setTimer(waitMs, () => {
      watched.timer = undefined;
      watched.wokenAt = this.#clock.fresh();
      for (const wake of [...watched.wakes]) wake();
    });
  }

  /** To be called when a lease may have come that ends before all others. */
  arm(): void {
    const at = this.#store.nextExpiry;
    if (
      this.#closed ||
      at === Number.POSITIVE_INFINITY ||
      at >= (this.#expiry?.at ?? Number.POSITIVE_INFINITY)
    )
      return;
    this.#expiry?.timer.cancel();
    const timer = this.#clock.setTimer(Math.max(0, at - this.#clock.fresh()), () => {
      this.#expiry = undefined;
      this.#store.expire();
      this.arm();
    });
    this.#expiry = { at, timer };
  }

  /** Frees what is kept for services that nobody watches. */
  sweep(): void {
    for (const [at, { wakes }] of [...this.#watched]) if (wakes.size === 0) this.#watched.delete(at);
  }

  /** Everybody is woken a last time. */
  close(): void {
    this.#closed = true;
    this.#expiry?.timer.cancel();
    for (const { wakes, timer } of this.#watched.values()) {
      timer?.cancel();
      for (const wake of [...wakes]) wake();
    }
  }
}
