import type { Instance, Snapshot } from "../instance.ts";
import type { Clock, Logger, Timer } from "../runtime.ts";
import { InOrder, type Kept } from "./in-order.ts";
import { sameInstance } from "./same-instance.ts";

/** How the client's connection to an instance fares; `unknown` while it has not been tried. */
export type ConnectionState = "up" | "down" | "unknown";

export interface DirectoryOptions {
  readonly service: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Of the registry's leases: removals that look wrong are held for three of them. @default 30_000 */
  readonly ttlMs?: number | undefined;
  /** The view changed. */
  readonly onChange: (instances: readonly Instance[]) => void;
}

/** A client's view of a service: the lease decides who is listed, the connection decides who is called. */
export interface Directory {
  /** Those that may be called, held ones included, draining ones not. */
  readonly instances: readonly Instance[];
  /** A first snapshot has come. */
  readonly known: boolean;
  /** There has been an instance at some time. */
  readonly everListed: boolean;
  /** The registry could not be asked lately. */
  readonly stale: boolean;
  /** What the registry says. Errors and stale snapshots change nothing, except that a first one may bring those known before. */
  apply(snapshot: Snapshot): void;
  /** What the connection to an instance says; anything may be said of unknown ones. */
  connection(id: string, state: ConnectionState): void;
  close(): void;
}

interface Entry extends Kept {
  instance: Instance;
  /** When it was first listed, monotonic ms. */
  readonly cameAt: number;
  connection: ConnectionState;
  /** The registry no longer lists it, and until then (monotonic ms) we do. */
  heldUntil: number | undefined;
  /** The look that listed it last. */
  look: number;
}

const DEFAULT_TTL_MS = 30_000;
const HOLD_TTLS = 3;
/** More than this share gone within so long is a fault of the registry until the connections say otherwise. */
const MASS_SHARE = 0.3;
const MASS_WINDOW_MS = 10_000;
/** Losing one of two is no mass removal; losing the last one is an empty answer. */
const MASS_LEAST = 2;

/** Pure: told what the registry and the connections say, and what time it is. */
export function createDirectory(options: DirectoryOptions): Directory {
  return new View(options);
}

class View implements Directory {
  known = false;
  everListed = false;
  stale = false;
  instances: readonly Instance[] = [];
  readonly #o: DirectoryOptions;
  readonly #holdMs: number;
  /** By id: one each, and more where one is listed at another address than before. */
  readonly #entries = new Map<string, Entry[]>();
  readonly #order = new InOrder<Entry>();
  #look = 0;
  /** Removals of late: when, and how many. */
  #removals: { readonly at: number; readonly count: number }[] = [];
  #revision = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;

  constructor(options: DirectoryOptions) {
    this.#o = options;
    this.#holdMs = HOLD_TTLS * (options.ttlMs ?? DEFAULT_TTL_MS);
  }

  apply(snapshot: Snapshot): void {
    if (snapshot.error !== undefined || snapshot.stale === true) {
      if (!this.stale)
        this.#o.logger.warn(
          { service: this.#o.service, err: snapshot.error },
          "the registry cannot be asked: the last known instances stay",
        );
      this.stale = true;
      // A registry that never answered: whom it last knew is better than nobody, and calls must not wait for it.
      if (!this.known) {
        this.known = true;
        this.#add(snapshot.instances);
        this.#publish();
      }
      return;
    }
    if (this.stale) this.#o.logger.info({ service: this.#o.service }, "the registry answers again");
    this.stale = false;
    const reset = snapshot.revision < this.#revision;
    if (reset)
      this.#o.logger.warn(
        { service: this.#o.service, revision: snapshot.revision, before: this.#revision },
        "the registry was reset: its revision went backwards",
      );
    this.#revision = snapshot.revision;
    const first = !this.known;
    this.known = true;
    const { changed, listed } = this.#add(snapshot.instances);
    const removed = this.#remove(listed, reset);
    if (changed || removed || first) this.#publish();
  }

  /** Additions and updates apply at once. Of thousands, nearly all are the same objects as before: nothing is made or compared for those. */
  #add(instances: readonly Instance[]): { readonly changed: boolean; readonly listed: number } {
    const look = ++this.#look;
    let changed = false;
    let listed = 0;
    this.#order.begin();
    for (const instance of instances) {
      let entry = this.#order.next(instance) ?? this.#find(instance);
      if (entry === undefined) {
        entry = this.#come(instance);
        changed = true;
      }
      if (entry.look !== look) listed++;
      entry.look = look;
      this.#order.add(entry);
      const held = entry.heldUntil !== undefined;
      if (!held && sameInstance(entry.instance, instance)) continue;
      if (held) this.#o.logger.info(this.#about(entry), "instance is listed again");
      entry.instance = instance;
      entry.heldUntil = undefined;
      changed = true;
    }
    return { changed, listed };
  }

  #find(instance: Instance): Entry | undefined {
    const entries = this.#entries.get(instance.id);
    return entries?.find((e) => e.instance === instance || sameUrls(e.instance, instance));
  }

  #come(instance: Instance): Entry {
    const cameAt = this.#o.clock.monotonic();
    const entry: Entry = { instance, cameAt, connection: "unknown", heldUntil: undefined, look: 0, place: 0 };
    const others = this.#entries.get(instance.id);
    if (others === undefined) this.#entries.set(instance.id, [entry]);
    else others.push(entry);
    this.everListed = true;
    this.#o.logger.info(about(instance), "instance came");
    return entry;
  }

  /** @param listed how many are */
  #remove(listed: number, reset: boolean): boolean {
    const { clock } = this.#o;
    const now = clock.monotonic();
    const gone: Entry[] = [];
    for (const entries of this.#entries.values())
      for (const e of entries) if (e.look !== this.#look && e.heldUntil === undefined) gone.push(e);
    if (gone.length === 0) return false;
    this.#removals = this.#removals.filter((r) => now - r.at < MASS_WINDOW_MS);
    const expired = gone.filter((e) => e.instance.status !== "draining");
    const lately = this.#removals.reduce((sum, r) => sum + r.count, expired.length);
    const mass = listed === 0 || (lately >= MASS_LEAST && lately > MASS_SHARE * (listed + lately));
    let changed = false;
    for (const entry of gone) {
      const because = this.#holdReason(entry, mass, reset);
      if (because === undefined) {
        this.#drop(entry, entry.instance.status === "draining" ? "deregistered" : "expired");
        changed = true;
      } else {
        entry.heldUntil = now + this.#holdMs;
        this.#o.logger.warn(
          { ...this.#about(entry), because, holdMs: this.#holdMs },
          "instance is gone from the registry and held",
        );
      }
    }
    if (expired.length > 0) this.#removals.push({ at: now, count: expired.length });
    this.#arm();
    return changed;
  }

  /** Undefined: it goes at once. */
  #holdReason(entry: Entry, mass: boolean, reset: boolean): string | undefined {
    if (entry.instance.status === "draining" || entry.connection === "down") return undefined;
    if (entry.connection === "up") return "its connection is healthy";
    if (reset) return "the registry was reset";
    return mass ? "too many went at once, or all" : undefined;
  }

  connection(id: string, state: ConnectionState): void {
    let changed = false;
    for (const entry of [...(this.#entries.get(id) ?? [])]) {
      entry.connection = state;
      if (entry.heldUntil === undefined || state !== "down") continue;
      this.#drop(entry, "gone from the registry, and its connection failed");
      changed = true;
    }
    if (changed) this.#publish();
  }

  #drop(entry: Entry, because: string): void {
    const { id } = entry.instance;
    const others = (this.#entries.get(id) ?? []).filter((e) => e !== entry);
    if (others.length === 0) this.#entries.delete(id);
    else this.#entries.set(id, others);
    this.#o.logger.info({ ...this.#about(entry), because }, "instance went");
  }

  #about(entry: Entry): object {
    const ageMs = Math.round(this.#o.clock.monotonic() - entry.cameAt);
    return { ...about(entry.instance), connection: entry.connection, ageMs };
  }

  #publish(): void {
    const instances: Instance[] = [];
    for (const entries of this.#entries.values())
      for (const { instance } of entries) if (instance.status !== "draining") instances.push(instance);
    this.instances = instances;
    this.#o.onChange(this.instances);
  }

  /** Held ones go when their time is up. */
  #arm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const { clock } = this.#o;
    let until = Number.POSITIVE_INFINITY;
    for (const entries of this.#entries.values())
      for (const { heldUntil } of entries)
        if (heldUntil !== undefined && heldUntil < until) until = heldUntil;
    if (until === Number.POSITIVE_INFINITY) return;
    this.#timer = clock.setTimer(Math.max(0, until - clock.monotonic()), () => this.#release());
  }

  #release(): void {
    const now = this.#o.clock.monotonic();
    let changed = false;
    for (const entry of [...this.#entries.values()].flat()) {
      if (entry.heldUntil === undefined || entry.heldUntil > now) continue;
      this.#drop(entry, `gone from the registry for ${this.#holdMs} ms`);
      changed = true;
    }
    this.#arm();
    if (changed) this.#publish();
  }

  close(): void {
    this.#timer?.cancel();
    this.#entries.clear();
  }
}

function about(i: Instance): object {
  return {
    service: i.service,
    instance: i.id,
    version: i.version,
    address: i.addresses[0]?.url,
    status: i.status,
  };
}

/** The same id at another address is another instance. */
function sameUrls({ addresses: a }: Instance, { addresses: b }: Instance): boolean {
  return a.length === b.length && a.every(({ url }, n) => url === b[n]?.url);
}
