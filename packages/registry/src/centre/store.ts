import type { Clock, Instance } from "@skein/core";

/** What is promised to be kept until `expiresAt`. */
export interface StoredLease {
  readonly id: string;
  readonly ttlMs: number;
  /** Registered with a line of curl: it holds one record, and ends with it. */
  readonly byHand: boolean;
  /** Monotonic ms. */
  expiresAt: number;
  /** Epoch ms, for people. */
  lastHeartbeat: number;
  readonly records: Set<StoredRecord>;
}

export interface StoredRecord {
  readonly namespace: string;
  /** As it was registered, capitals included; the instance's service has none. */
  readonly name: string;
  readonly instance: Instance;
  readonly json: string;
  lease: StoredLease;
}

/** What is written of a record. */
export interface NewRecord {
  /** Without slashes. */
  readonly namespace: string;
  readonly instance: Instance;
  /** @default the service's name */
  readonly name?: string | undefined;
}

/** What a store is made of again. */
export interface StoreDump {
  readonly revision: number;
  readonly leases: readonly LeaseDump[];
}

export interface LeaseDump {
  readonly id: string;
  readonly ttlMs: number;
  readonly byHand: boolean;
  readonly lastHeartbeat: number;
  readonly records: readonly NewRecord[];
}

export interface StoreOptions {
  readonly clock: Clock;
  uniqueId(): string;
  /** Where revisions begin. Taken from the wall clock, a store that lost its data does not go backwards. */
  readonly revision: number;
  /** Of leases, and of records. @default 100000 */
  readonly most?: number | undefined;
  /** Told of each change that can be seen, after it. */
  readonly onChange?: ((namespace: string, service: string) => void) | undefined;
}

interface Group {
  readonly records: Map<string, StoredRecord>;
  revision: number;
  /** Monotonic ms since which nobody is in it. */
  emptySince: number | undefined;
}

const MOST = 100_000;
/** A service without instances is remembered for so long, so that a change of it is told as one of its own. */
const FORGET_MS = 60_000;
const STOOD_STILL_MS = 2500;
const key = (namespace: string, name: string): string => `${namespace}/${name}`;

/**
 * Leases and their records, without any I/O. Whatever is asked of it, leases whose time is over end first: nobody sees an expired record, and
 * nothing depends on a timer.
 */
export class CentreStore {
  readonly #o: StoreOptions;
  readonly #most: number;
  readonly #leases = new Map<string, StoredLease>();
  readonly #byId = new Map<string, StoredRecord>();
  readonly #groups = new Map<string, Group>();
  #revision: number;
  /** Of services that are not remembered. */
  #floor: number;
  /** No lease ends before. */
  #nextExpiry = Number.POSITIVE_INFINITY;
  /** When this process was last known to run, monotonic ms; Infinity: nobody ticks. */
  #awakeAt = Number.POSITIVE_INFINITY;

  constructor(options: StoreOptions) {
    this.#o = options;
    this.#most = options.most ?? MOST;
    this.#revision = options.revision;
    this.#floor = options.revision;
  }

  get revision(): number {
    return this.#revision;
  }
  get leases(): number {
    return this.#leases.size;
  }
  get records(): number {
    return this.#byId.size;
  }
  /** Services that are remembered, those without instances included. */
  get remembered(): number {
    return this.#groups.size;
  }
  /** When a lease may end next, monotonic ms: never too late, maybe too early. */
  get nextExpiry(): number {
    return this.#nextExpiry;
  }

  /** A lease without records. Undefined: there are too many. */
  grant(ttlMs: number, byHand = false): StoredLease | undefined {
    this.expire();
    if (this.#leases.size >= this.#most) return undefined;
    return this.#add({ id: this.#o.uniqueId(), ttlMs, byHand, lastHeartbeat: this.#o.clock.now() });
  }

  #add(given: Omit<StoredLease, "expiresAt" | "records">): StoredLease {
    const expiresAt = this.#o.clock.monotonic() + given.ttlMs;
    const lease: StoredLease = { ...given, expiresAt, records: new Set() };
    this.#leases.set(lease.id, lease);
    this.#nextExpiry = Math.min(this.#nextExpiry, expiresAt);
    return lease;
  }

  lease(id: string): StoredLease | undefined {
    this.expire();
    return this.#leases.get(id);
  }

  /** Renews all that is under the lease. Undefined: it is not known. */
  heartbeat(id: string): StoredLease | undefined {
    const lease = this.lease(id);
    if (lease === undefined) return undefined;
    const { clock } = this.#o;
    lease.expiresAt = clock.monotonic() + lease.ttlMs;
    lease.lastHeartbeat = clock.now();
    return lease;
  }

  /** Inserts or replaces by id, whoever put it before. */
  put(leaseId: string, { namespace, instance, name = instance.service }: NewRecord): "put" | "lost" | "full" {
    const lease = this.lease(leaseId);
    if (lease === undefined) return "lost";
    const at = key(namespace, instance.id);
    const before = this.#byId.get(at);
    if (before === undefined && this.#byId.size >= this.#most) return "full";
    const json = JSON.stringify(instance);
    if (before !== undefined && before.json === json && before.name === name) {
      this.#handOver(before, lease);
      return "put";
    }
    const record: StoredRecord = { namespace, name, instance, json, lease };
    // First of all: a lease by hand ends without a record.
    lease.records.add(record);
    if (before !== undefined && before.instance.service !== instance.service) this.#drop(before);
    else if (before !== undefined) this.#leave(before);
    this.#byId.set(at, record);
    const group = this.#group(namespace, instance.service);
    group.records.set(instance.id, record);
    group.emptySince = undefined;
    this.#changed(group, record);
    return "put";
  }

  #group(namespace: string, service: string): Group {
    const at = key(namespace, service);
    const known = this.#groups.get(at);
    if (known !== undefined) return known;
    const made: Group = { records: new Map(), revision: this.#floor, emptySince: undefined };
    this.#groups.set(at, made);
    return made;
  }

  #handOver(record: StoredRecord, lease: StoredLease): void {
    if (record.lease === lease) return;
    this.#leave(record);
    record.lease = lease;
    lease.records.add(record);
  }

  /** What was registered by hand has a lease of its own. */
  #leave(record: StoredRecord): void {
    const { lease } = record;
    lease.records.delete(record);
    if (lease.byHand && lease.records.size === 0) this.#leases.delete(lease.id);
  }

  #drop(record: StoredRecord): void {
    const { namespace, instance } = record;
    this.#leave(record);
    this.#byId.delete(key(namespace, instance.id));
    const group = this.#group(namespace, instance.service);
    group.records.delete(instance.id);
    if (group.records.size === 0) group.emptySince = this.#o.clock.monotonic();
    this.#changed(group, record);
  }

  #changed(group: Group, { namespace, instance }: StoredRecord): void {
    group.revision = ++this.#revision;
    this.#o.onChange?.(namespace, instance.service);
  }

  /** Of this lease's records only: a successor's stays. False: it has no such record. */
  remove(leaseId: string, namespace: string, id: string): boolean {
    const lease = this.lease(leaseId);
    const record = this.#byId.get(key(namespace, id));
    if (lease === undefined || record?.lease !== lease) return false;
    this.#drop(record);
    return true;
  }

  /** Ends the lease and removes its records. False: it is not known. */
  release(leaseId: string): boolean {
    const lease = this.lease(leaseId);
    if (lease === undefined) return false;
    this.#end(lease);
    return true;
  }

  #end(lease: StoredLease): void {
    this.#leases.delete(lease.id);
    for (const record of [...lease.records]) this.#drop(record);
  }

  find(namespace: string, id: string): StoredRecord | undefined {
    this.expire();
    return this.#byId.get(key(namespace, id));
  }

  of(namespace: string, service: string): readonly StoredRecord[] {
    this.expire();
    return [...(this.#groups.get(key(namespace, service))?.records.values() ?? [])];
  }

  /** By service, in order of their names; those without instances are none. */
  services(namespace: string): ReadonlyMap<string, readonly StoredRecord[]> {
    this.expire();
    const prefix = key(namespace, "");
    const found = [...this.#groups].filter(([at, { records }]) => at.startsWith(prefix) && records.size > 0);
    found.sort(([a], [b]) => (a < b ? -1 : 1));
    return new Map(found.map(([at, { records }]) => [at.slice(prefix.length), [...records.values()]]));
  }

  /** Grows with each change of the service, and never goes backwards. */
  revisionOf(namespace: string, service: string): number {
    this.expire();
    return this.#groups.get(key(namespace, service))?.revision ?? this.#floor;
  }

  /** To be called at least once a second: a process that stood still for longer could hear nobody, and excuses all for that time. */
  tick(): void {
    if (this.#awakeAt === Number.POSITIVE_INFINITY) this.#awakeAt = this.#o.clock.monotonic();
    this.expire();
  }

  /** Ends the leases whose time is over. */
  expire(): void {
    const now = this.#o.clock.monotonic();
    const stoodMs = now - this.#awakeAt;
    if (stoodMs > STOOD_STILL_MS) this.#excuse(stoodMs);
    if (stoodMs > 0) this.#awakeAt = now;
    if (now < this.#nextExpiry) return;
    const over: StoredLease[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const lease of this.#leases.values())
      if (lease.expiresAt <= now) over.push(lease);
      else next = Math.min(next, lease.expiresAt);
    this.#nextExpiry = next;
    for (const lease of over) this.#end(lease);
  }

  #excuse(ms: number): void {
    for (const lease of this.#leases.values()) lease.expiresAt += ms;
    this.#nextExpiry += ms;
  }

  /** Frees memory, and changes nothing that can be seen but revisions of services without instances, which grow. */
  sweep(): void {
    this.expire();
    const now = this.#o.clock.monotonic();
    for (const [at, { emptySince, revision }] of [...this.#groups]) {
      if (emptySince === undefined || now - emptySince < FORGET_MS) continue;
      this.#groups.delete(at);
      this.#floor = Math.max(this.#floor, revision);
    }
  }

  dump(): StoreDump {
    this.expire();
    const leases = [...this.#leases.values()].map(
      ({ id, ttlMs, byHand, lastHeartbeat, records }): LeaseDump => ({
        id,
        ttlMs,
        byHand,
        lastHeartbeat,
        records: [...records].map(({ namespace, name, instance }) => ({ namespace, name, instance })),
      }),
    );
    return { revision: this.#revision, leases };
  }

  /** Into a store that is empty. Leases last a whole TTL from now on: whoever lives has the time to say so. */
  restore(dump: StoreDump): void {
    this.#revision = Math.max(this.#revision, dump.revision + 1);
    this.#floor = this.#revision;
    for (const { id, ttlMs, byHand, lastHeartbeat, records } of dump.leases) {
      this.#add({ id, ttlMs, byHand, lastHeartbeat });
      for (const record of records) this.put(id, record);
    }
  }
}
