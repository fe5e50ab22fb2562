import { sameCase } from "./records/labels.ts";
import type { Announcement, Layout } from "./records/layout.ts";
import type { DnsRecord, Question } from "./wire.ts";

/** An announcement of ours, ready to be sent. */
interface Own {
  readonly announcement: Announcement;
  readonly records: readonly DnsRecord[];
  /** Of the lease, monotonic ms. */
  expiresAt(): number;
}

const LISTING = "listing ";

/** What we announce, and which questions it answers. Pure: times are given, monotonic ms. */
export class Responder {
  readonly #layouts: readonly Layout[];
  readonly #own = new Map<string, Own>();
  /** Names in questions to the keys of what answers them. */
  readonly #names = new Map<string, Set<string>>();

  constructor(layouts: readonly Layout[]) {
    this.#layouts = layouts;
  }

  /** In each layout that can hold it; none: nobody could be told. */
  recordsOf(announcement: Announcement): readonly DnsRecord[] {
    return this.#layouts.flatMap((layout) => layout.records(announcement) ?? []);
  }

  /** Whoever put it before. @returns its key */
  put(announcement: Announcement, records: readonly DnsRecord[], expiresAt: () => number): string {
    const key = keyOf(announcement.instance.service, announcement.instance.id);
    this.#index(key, "delete");
    this.#own.set(key, { announcement, records, expiresAt });
    this.#index(key, "add");
    return key;
  }

  /** @returns what says that it is gone; nothing if another lease has put it since */
  remove(key: string, lease: string): readonly DnsRecord[] {
    const own = this.#own.get(key);
    if (own === undefined || own.announcement.lease !== lease) return [];
    this.#index(key, "delete");
    this.#own.delete(key);
    return own.records.filter((r) => r.type !== "A" && r.type !== "AAAA").map((r) => ({ ...r, ttl: 0 }));
  }

  has(key: string): boolean {
    return this.#own.has(key);
  }

  #index(key: string, change: "add" | "delete"): void {
    for (const { name } of this.#own.get(key)?.records ?? []) {
      const of = sameCase(name);
      const keys = this.#names.get(of) ?? new Set();
      keys[change](key);
      if (keys.size === 0) this.#names.delete(of);
      else this.#names.set(of, keys);
    }
  }

  /** Keys of what answers; see records(). */
  answer({ name }: Question): readonly string[] {
    const of = sameCase(name);
    const keys = [...(this.#names.get(of) ?? [])];
    const services = new Set([...this.#own.values()].map((own) => own.announcement.instance.service));
    for (const [n, layout] of this.#layouts.entries())
      for (const service of services)
        if (layout.listing(service).some((r) => r.type === "PTR" && sameCase(r.name) === of))
          keys.push(`${LISTING}${n} ${service}`);
    return keys;
  }

  /** What is to be sent of a key now, with the time that its lease still has as TTL; nothing when that is over. */
  records(key: string, now: number): readonly DnsRecord[] {
    if (key.startsWith(LISTING)) {
      const [, n, service = ""] = key.split(" ");
      return this.#layouts[Number(n)]?.listing(service) ?? [];
    }
    const own = this.#own.get(key);
    const left = own === undefined ? 0 : Math.ceil((own.expiresAt() - now) / 1000);
    if (own === undefined || left <= 0) return [];
    return own.records.map((r) => ({ ...r, ttl: Math.min(r.ttl, left) }));
  }
}

/** Neither services nor ids have spaces. */
const keyOf = (service: string, id: string): string => `${service} ${id}`;
