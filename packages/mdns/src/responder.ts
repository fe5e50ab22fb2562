import { sameCase } from "./records/labels.ts";
import type { Announcement, Layout } from "./records/layout.ts";
import type { DnsRecord, Question } from "./wire.ts";

/** Records that are sent together: all that one layout says of an instance. */
export type RecordSet = readonly DnsRecord[];

interface Own {
  readonly announcement: Announcement;
  /** By layout; none in one that cannot hold it. */
  readonly sets: readonly (RecordSet | undefined)[];
  /** Of the lease, monotonic ms. */
  expiresAt(): number;
}

/** What we announce, and which questions it answers. Pure: times are given, monotonic ms. */
export class Responder {
  readonly #layouts: readonly Layout[];
  /** By layout: the names of questions that its listing answers. */
  readonly #listings: readonly ReadonlySet<string>[];
  readonly #own = new Map<string, Own>();
  /** Names in questions to the keys of the sets that answer them. */
  readonly #names = new Map<string, Set<string>>();

  constructor(layouts: readonly Layout[]) {
    this.#layouts = layouts;
    this.#listings = layouts.map(
      (l) => new Set(l.listing("any").flatMap((r) => (r.type === "PTR" ? [sameCase(r.name)] : []))),
    );
  }

  /** Whoever put it before. */
  put(announcement: Announcement, sets: Own["sets"], expiresAt: () => number): void {
    const { service, id } = announcement.instance;
    const key = ownKey(service, id);
    this.#index(key, "delete");
    this.#own.set(key, { announcement, sets, expiresAt });
    this.#index(key, "add");
  }

  /** @returns what says that it is gone; nothing if another lease has put it since */
  remove(service: string, id: string, lease: string): readonly RecordSet[] {
    const key = ownKey(service, id);
    const own = this.#own.get(key);
    if (own === undefined || own.announcement.lease !== lease) return [];
    this.#index(key, "delete");
    this.#own.delete(key);
    return own.sets.flatMap((set) => (set === undefined ? [] : [goodbyeOf(set)]));
  }

  has(service: string, id: string): boolean {
    return this.#own.has(ownKey(service, id));
  }

  #index(key: string, change: "add" | "delete"): void {
    for (const [n, set] of this.#own.get(key)?.sets.entries() ?? [])
      for (const { name } of set ?? []) {
        const of = sameCase(name);
        const keys = this.#names.get(of) ?? new Set();
        keys[change](setKey(n, key));
        if (keys.size === 0) this.#names.delete(of);
        else this.#names.set(of, keys);
      }
  }

  /** Keys of all sets of an instance; see set(). */
  keysOf(service: string, id: string): readonly string[] {
    const key = ownKey(service, id);
    return (this.#own.get(key)?.sets ?? []).flatMap((set, n) => (set === undefined ? [] : [setKey(n, key)]));
  }

  /** Keys of all sets of all instances. */
  get allKeys(): readonly string[] {
    return [...this.#own.values()].flatMap(({ announcement: { instance } }) =>
      this.keysOf(instance.service, instance.id),
    );
  }

  /** Keys of the sets that answer; see set(). */
  answer({ name }: Question): readonly string[] {
    const of = sameCase(name);
    const listings = this.#listings.flatMap((names, n) => (names.has(of) ? [n] : []));
    const keys = [...(this.#names.get(of) ?? [])];
    if (listings.length === 0) return keys;
    const services = new Set([...this.#own.values()].map((own) => own.announcement.instance.service));
    return [...keys, ...listings.flatMap((n) => [...services].map((service) => setKey(n, service)))];
  }

  /** What is to be sent of a key now, with the time that its lease still has as TTL, to the nearest second; nothing when that is over. */
  set(key: string, now: number): RecordSet {
    const [n = "", service = "", id] = key.split(" ");
    if (id === undefined) return this.#layouts[Number(n)]?.listing(service) ?? [];
    const own = this.#own.get(ownKey(service, id));
    const left = own === undefined ? 0 : Math.round((own.expiresAt() - now) / 1000);
    const set = own?.sets[Number(n)];
    return set === undefined || left <= 0 ? [] : set.map((r) => ({ ...r, ttl: Math.min(r.ttl, left) }));
  }
}

/** Neither services nor ids have spaces. */
const ownKey = (service: string, id: string): string => `${service} ${id}`;
const setKey = (layout: number, key: string): string => `${layout} ${key}`;

/** Addresses are shared: others may be at the same host. */
function goodbyeOf(set: RecordSet): RecordSet {
  return set.filter((r) => r.type !== "A" && r.type !== "AAAA").map((r) => ({ ...r, ttl: 0 }));
}
