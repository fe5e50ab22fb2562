import { type Instance, type Lease, LeaseLostError, type Runtime } from "@skein/core";
import { checkInstance } from "@skein/registry/backend";
import type { KvStore } from "./kv-store.ts";

type Store = Pick<KvStore, "keys" | "put" | "ready" | "remove" | "replace">;

/** What is put into a key, and what the stream made of it. */
interface Held {
  readonly instance: Instance;
  readonly subject: string;
  /** Of our last put; undefined while it is not known. */
  sequence: number | undefined;
  /** It was there, for sure. */
  written: boolean;
}

/** Keys that are put again with each renewal. It is lost when one of them is gone, or when nothing was renewed for its TTL: the server knows nothing of it. */
export class KvLease implements Lease {
  readonly ttlMs: number;
  readonly tag: string;
  onLost: ((reason: string) => void) | undefined;
  readonly #store: Store;
  readonly #runtime: Runtime;
  readonly #over: () => void;
  readonly #held = new Map<string, Held>();
  /** By subject: to be removed, and not known to be. */
  readonly #leaving = new Map<string, Held>();
  /** By subject: what is done to a key is done one after the other. */
  readonly #turns = new Map<string, Promise<unknown>>();
  /** Monotonic ms. */
  #expiresAt: number;
  #ended = false;
  #released: Promise<void> | undefined;

  /** @param over called once it is released, or found lost */
  constructor(ttlMs: number, store: Store, runtime: Runtime, over: () => void) {
    this.ttlMs = ttlMs;
    this.#store = store;
    this.#runtime = runtime;
    this.#over = over;
    this.tag = runtime.uniqueId();
    this.#expiresAt = runtime.clock.fresh() + ttlMs;
  }

  get #lost(): boolean {
    return this.#ended || this.#runtime.clock.fresh() >= this.#expiresAt;
  }

  async renew(): Promise<"held" | "lost"> {
    const asked = this.#runtime.clock.fresh();
    if (!this.#lost) {
      await this.#store.ready();
      const kept = await Promise.all([...this.#held.values()].map((held) => this.#renewOne(held)));
      if (!this.#lost && kept.every(Boolean)) {
        this.#expiresAt = Math.max(this.#expiresAt, asked + this.ttlMs);
        return "held";
      }
    }
    this.#end();
    return "lost";
  }

  /** There is a server again: what we know of it is old. */
  async reconnected(): Promise<void> {
    if (this.#lost) return;
    // Whoever removes it asks again.
    this.#leave([...this.#leaving.values()]).catch(() => {});
    if (this.#held.size === 0) return;
    try {
      if ((await this.renew()) === "lost" && this.#released === undefined)
        this.onLost?.("its records are gone");
    } catch {
      // Whoever renews it will see.
    }
  }

  /** Whether it is not gone. One that a successor took over is none of ours any more. */
  #renewOne(held: Held): Promise<boolean> {
    const { instance, subject } = held;
    return this.#inTurn(subject, async () => {
      if (this.#held.get(instance.id) !== held) return true;
      const record = { lease: this.tag, ttlMs: this.ttlMs, instance };
      const done = await this.#store.replace(subject, record, held.sequence);
      if (done.is === "others") this.#held.delete(instance.id);
      if (done.is === "ours") Object.assign(held, { sequence: done.sequence, written: true });
      // What never arrived is not lost: whoever put it was told.
      return done.is !== "gone" || !held.written;
    });
  }

  async put(instance: Instance): Promise<void> {
    checkInstance(instance);
    this.#mustHold();
    await this.#store.ready();
    this.#mustHold();
    const { service, id } = instance;
    const subject = this.#store.keys.subject(service, id);
    const before = this.#held.get(id);
    const held: Held = { instance, subject, sequence: undefined, written: false };
    this.#held.set(id, held);
    this.#leaving.delete(subject);
    if (before !== undefined && before.subject !== subject) this.#leaving.set(before.subject, before);
    await this.#inTurn(subject, async () => {
      if (this.#held.get(id) !== held) return;
      const record = { lease: this.tag, ttlMs: this.ttlMs, instance };
      held.sequence = await this.#store.put(subject, record);
      held.written = true;
    });
    await this.#leaveAs(id);
  }

  #mustHold(): void {
    if (this.#lost) throw new LeaseLostError(`the lease ${this.tag} is over`);
  }

  async remove(id: string): Promise<void> {
    const held = this.#held.get(id);
    this.#held.delete(id);
    if (held !== undefined) this.#leaving.set(held.subject, held);
    await this.#leaveAs(id);
  }

  #leaveAs(id: string): Promise<void> {
    return this.#leave([...this.#leaving.values()].filter((held) => held.instance.id === id));
  }

  async #leave(leaving: readonly Held[]): Promise<void> {
    await Promise.all(leaving.map((held) => this.#remove(held)));
  }

  #remove(held: Held): Promise<void> {
    const { subject } = held;
    return this.#inTurn(subject, async () => {
      // Else it is removed already, or was put again.
      if (this.#leaving.get(subject) !== held) return;
      await this.#store.remove(subject, this.tag, held.sequence);
      if (this.#leaving.get(subject) === held) this.#leaving.delete(subject);
    });
  }

  /** What cannot be removed ends with its TTL: then it rejects with UNAVAILABLE. */
  release(): Promise<void> {
    this.#released ??= this.#release();
    return this.#released;
  }

  async #release(): Promise<void> {
    for (const held of this.#held.values()) this.#leaving.set(held.subject, held);
    this.#end();
    await this.#leave([...this.#leaving.values()]);
  }

  #end(): void {
    this.#held.clear();
    if (this.#ended) return;
    this.#ended = true;
    this.#over();
  }

  #inTurn<T>(subject: string, step: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(subject) ?? Promise.resolve();
    const mine = before.then(step, step);
    const settled = mine.catch(() => {});
    this.#turns.set(subject, settled);
    void settled.then(() => {
      if (this.#turns.get(subject) === settled) this.#turns.delete(subject);
    });
    return mine;
  }
}
