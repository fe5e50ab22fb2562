import { type Instance, LeaseLostError, type Timer } from "@skein/core";
import type { Scheduler } from "./scheduler.ts";
import type { Trace } from "./trace.ts";

export interface StoreView {
  readonly instances: readonly Instance[];
  readonly revision: number;
}

interface StoredLease {
  readonly ttlMs: number;
  timer: Timer;
  /** It has been lost. */
  over: boolean;
}

/** What the registry's server holds, and its troubles. */
export class RegistryStore {
  /** `down`: connections are refused. `failing`: so many requests fail, before or after they were done. */
  trouble: "none" | "down" | "failing" = "none";
  /** Added to each answer's way, ms. */
  slowMs = 0;
  /** Told of changes to what can be read, and of the end of a trouble. */
  readonly watchers = new Set<(service: string | undefined) => void>();
  readonly #scheduler: Scheduler;
  readonly #trace: Trace;
  #records = new Map<string, { readonly instance: Instance; readonly lease: StoredLease }>();
  #leases = new Set<StoredLease>();
  #revision = 0;
  /** What is read while it answers from a copy that is behind. */
  #behind: { readonly instances: readonly Instance[]; readonly revision: number } | undefined;

  constructor(scheduler: Scheduler, trace: Trace) {
    this.#scheduler = scheduler;
    this.#trace = trace;
  }

  get all(): readonly Instance[] {
    return [...this.#records.values()].map((record) => record.instance);
  }

  read(service: string): StoreView {
    const { instances, revision } = this.#behind ?? { instances: this.all, revision: this.#revision };
    return { instances: instances.filter((i) => i.service === service), revision };
  }
  /** Of all services, as read() has them. */
  get readable(): readonly Instance[] {
    return this.#behind?.instances ?? this.all;
  }

  // ---- leases

  grant(ttlMs: number): StoredLease {
    const lease: StoredLease = { ttlMs, over: false, timer: { cancel: () => {} } };
    this.#leases.add(lease);
    this.#arm(lease);
    return lease;
  }
  #arm(lease: StoredLease): void {
    lease.timer.cancel();
    lease.timer = this.#scheduler.at(this.#scheduler.now + lease.ttlMs, () => {
      this.#trace.add("registry", "a lease has expired");
      this.end(lease);
    });
  }
  renew(lease: StoredLease): "held" | "lost" {
    if (lease.over) return "lost";
    this.#arm(lease);
    return "held";
  }
  put(lease: StoredLease, instance: Instance): void {
    if (lease.over) throw new LeaseLostError("the simulated registry does not know the lease");
    this.#records.set(instance.id, { instance, lease });
    this.#trace.add("registry", `has ${instance.id}, ${instance.status}`);
    this.#changed(instance.service);
  }
  remove(lease: StoredLease, id: string): void {
    const record = this.#records.get(id);
    if (record?.lease !== lease) return;
    this.#records.delete(id);
    this.#trace.add("registry", `lost ${id}`);
    this.#changed(record.instance.service);
  }
  end(lease: StoredLease): void {
    if (lease.over) return;
    lease.over = true;
    lease.timer.cancel();
    this.#leases.delete(lease);
    for (const [id, record] of this.#records) if (record.lease === lease) this.remove(lease, id);
  }

  #changed(service: string): void {
    this.#revision++;
    if (this.#behind === undefined) for (const tell of this.watchers) tell(service);
  }

  // ---- troubles

  /** Started again without its data: no record, no lease, and revisions from the start. */
  wipe(): void {
    for (const lease of this.#leases) {
      lease.over = true;
      lease.timer.cancel();
    }
    this.#leases = new Set();
    this.#records = new Map();
    this.#revision = 0;
    this.#behind = undefined;
    this.#everybody();
  }
  /** Reads are answered from a copy that gets no news. */
  fallBehind(): void {
    this.#behind ??= { instances: this.all, revision: this.#revision };
  }
  /** Its troubles are over. */
  recover(): void {
    this.trouble = "none";
    this.slowMs = 0;
    this.#behind = undefined;
    this.#everybody();
  }
  #everybody(): void {
    for (const tell of this.watchers) tell(undefined);
  }
}
