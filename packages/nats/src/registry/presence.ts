import type { Instance } from "@skein/core";
import type { Gone, Written } from "./registry-message.ts";

/** What was said to be gone stays gone for late copies of what was said before, ms. */
const GONE_MS = 30_000;
/**
 * After a time without a server: whoever is still there says so within a third of its TTL, and so much more for connecting, ms. With the last word that he
 * has then, a second is not passed by much.
 */
const FORGIVE_MS = 600;
/** No server has as many; a liar may say so. */
const MOST_CLAIMS = 50_000;

interface Claim {
  readonly service: string;
  readonly id: string;
  readonly lease: string;
  readonly written: number;
  /** Undefined: gone. */
  readonly instance: Instance | undefined;
  ttlMs: number;
  expiresAt: number;
}

/** When it was said, and for how long it holds. */
export interface SaidFor {
  readonly lease: string;
  readonly ttlMs: number;
  readonly leftMs: number;
  readonly now: number;
}

/**
 * Who says to be there, by service, id and lease. Of several leases' claims to an id the one that was written last counts; a goodbye ends that of its own
 * lease only. Nothing ends by itself: see due() and expire(). Pure: times are given, monotonic ms.
 */
export class Presence {
  readonly #claims = new Map<string, Map<string, Map<string, Claim>>>();
  readonly #changed: (service: string) => void;
  #count = 0;
  #revision = 0;

  /** @param changed called after each visible change */
  constructor(changed: (service: string) => void) {
    this.#changed = changed;
  }

  /** Grows with each visible change, of any service. */
  get revision(): number {
    return this.#revision;
  }

  /** Also renews. Ignored when the same lease said something newer, or goodbye. */
  add({ instance, written }: Written, { lease, ttlMs, leftMs, now }: SaidFor): void {
    const { service, id } = instance;
    const known = this.#get(service, id, lease);
    if (known !== undefined && known.written > written) return;
    const expiresAt = now + leftMs;
    if (known?.written !== written) this.#set({ service, id, lease, written, instance, ttlMs, expiresAt });
    else if (known.instance !== undefined) Object.assign(known, { ttlMs, expiresAt });
  }

  /** That lease's record, and older ones of it, are gone. */
  goodbye({ service, id, written }: Gone, lease: string, now: number): void {
    const known = this.#get(service, id, lease);
    if (known !== undefined && known.written > written) return;
    const expiresAt = now + GONE_MS;
    this.#set({ service, id, lease, written, instance: undefined, ttlMs: GONE_MS, expiresAt });
  }

  /** Nothing was heard for a while, and now is: that nobody renewed meanwhile says nothing. */
  forgive(now: number): void {
    for (const claim of this.#all()) {
      if (claim.instance === undefined) continue;
      claim.expiresAt = Math.max(claim.expiresAt, now + claim.ttlMs / 3 + FORGIVE_MS);
    }
  }

  /** Services with instances whose time was over by `at`; `nextAt`: when the next one's is. Goodbyes that are old are forgotten. */
  due(at: number): { readonly services: ReadonlySet<string>; readonly nextAt: number } {
    const services = new Set<string>();
    let nextAt = Number.POSITIVE_INFINITY;
    for (const claim of this.#all()) {
      if (claim.expiresAt > at) nextAt = Math.min(nextAt, claim.expiresAt);
      else if (claim.instance === undefined) this.#delete(claim);
      else services.add(claim.service);
    }
    return { services, nextAt };
  }

  /** Ends what was over by `at`. */
  expire(at: number): void {
    for (const claim of this.#all()) if (claim.expiresAt <= at) this.#delete(claim);
  }

  /** Nobody follows it any more: nothing is said of what is forgotten. */
  forget(service: string): void {
    for (const leases of this.#claims.get(service)?.values() ?? []) this.#count -= leases.size;
    this.#claims.delete(service);
  }

  instances(service: string): readonly Instance[] {
    const found: Instance[] = [];
    for (const leases of this.#claims.get(service)?.values() ?? []) {
      const instance = newest(leases);
      if (instance !== undefined) found.push(instance);
    }
    return found;
  }

  instance(service: string, id: string): Instance | undefined {
    return newest(this.#claims.get(service)?.get(id) ?? new Map());
  }

  get services(): readonly string[] {
    return [...this.#claims.keys()];
  }

  #get(service: string, id: string, lease: string): Claim | undefined {
    return this.#claims.get(service)?.get(id)?.get(lease);
  }

  #set(claim: Claim): void {
    const { service, id, lease } = claim;
    const known = this.#get(service, id, lease);
    if (known === undefined && this.#count >= MOST_CLAIMS) return;
    if (known === undefined) this.#count++;
    const ids = entry(this.#claims, service, () => new Map<string, Map<string, Claim>>());
    const leases = entry(ids, id, () => new Map<string, Claim>());
    const before = newest(leases);
    leases.set(lease, claim);
    this.#compare(service, before, newest(leases));
  }

  #delete({ service, id, lease }: Claim): void {
    const ids = this.#claims.get(service);
    const leases = ids?.get(id);
    if (ids === undefined || leases === undefined) return;
    const before = newest(leases);
    if (leases.delete(lease)) this.#count--;
    if (leases.size === 0) ids.delete(id);
    if (ids.size === 0) this.#claims.delete(service);
    this.#compare(service, before, newest(leases));
  }

  #compare(service: string, before: Instance | undefined, now: Instance | undefined): void {
    if (before === now) return;
    this.#revision++;
    this.#changed(service);
  }

  *#all(): Iterable<Claim> {
    for (const ids of [...this.#claims.values()])
      for (const leases of [...ids.values()]) yield* [...leases.values()];
  }
}

/** A goodbye is about its own lease only. */
function newest(leases: ReadonlyMap<string, Claim>): Instance | undefined {
  let best: Claim | undefined;
  for (const claim of leases.values()) {
    if (claim.instance === undefined) continue;
    const later = best === undefined || claim.written > best.written;
    if (later || (claim.written === best?.written && claim.lease > best.lease)) best = claim;
  }
  return best?.instance;
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
