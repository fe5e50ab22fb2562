import { isDeepStrictEqual } from "node:util";
import type { Instance } from "@skein/core";
import type { Announcement } from "./records/layout.ts";
import { hostPort, placeOf } from "./records/places.ts";
import type { Question } from "./wire.ts";

/** When, in parts of its TTL, an instance that is watched is asked for again: as in RFC 6762, 5.2, and in between, for one question in three may be lost. */
const ASK_AGAIN = [0.8, 0.825, 0.85, 0.875, 0.9, 0.925, 0.95, 0.975] as const;
/** Nothing ends unasked: what a late timer left no time to ask for has so long, ms. */
const GRACE_MS = 500;
/** After silence: whoever is still there renews within a third of its TTL, and so much more, ms. */
const FORGIVE_MS = 1000;
/** What was said to be gone stays gone for late copies of what was said before, ms. */
const GONE_MS = 30_000;
/** No network has as many; a liar may. */
const MOST_CLAIMS = 20_000;

/** How others say that an instance is there: without a lease. */
export const FOREIGN = "";

interface Claim {
  readonly service: string;
  readonly id: string;
  readonly lease: string;
  readonly written: number;
  /** Undefined: gone. */
  readonly instance: Instance | undefined;
  /** Answered by whoever claims it. */
  readonly question: Question;
  bornAt: number;
  ttlMs: number;
  expiresAt: number;
  asked: number;
}

export interface SweepRules {
  watched(service: string): boolean;
  /** Nothing is known to be heard now: those that are watched do not end. */
  readonly frozen: boolean;
}

/**
 * Who says to be there, by service, id and lease. Of several leases' claims to an id the one that was written last counts; a goodbye ends that of its own
 * lease only. Pure: times are given, monotonic ms.
 */
export class Claims {
  readonly #claims = new Map<string, Map<string, Map<string, Claim>>>();
  readonly #changed: (service: string) => void;
  #count = 0;

  /** @param changed called after each visible change */
  constructor(changed: (service: string) => void) {
    this.#changed = changed;
  }

  /** Also renews. Ignored when the same lease said something newer, or goodbye. */
  add(
    { instance, lease, written }: Announcement,
    said: { readonly question: Question; readonly ttlMs: number; readonly now: number },
  ): void {
    const { service, id } = instance;
    const known = this.#get(service, id, lease);
    if (known !== undefined && known.written > written) return;
    const { question, ttlMs, now } = said;
    const fresh = { bornAt: now, ttlMs, expiresAt: now + ttlMs, asked: 0 };
    const same =
      known?.instance !== undefined &&
      known.written === written &&
      (lease !== FOREIGN || isDeepStrictEqual(known.instance, instance));
    if (same) Object.assign(known, fresh);
    else if (known?.instance !== undefined || known?.written !== written)
      this.#set({ service, id, lease, written, instance, question, ...fresh });
  }

  /** That lease's record, and older ones of it, are gone. */
  goodbye({ instance: { service, id }, lease, written }: Announcement, now: number): void {
    const known = this.#get(service, id, lease);
    if (known !== undefined && known.written > written) return;
    if (lease === FOREIGN) return known && this.#delete(known);
    const fresh = { bornAt: now, ttlMs: GONE_MS, expiresAt: now + GONE_MS, asked: 0 };
    const question = known?.question ?? { name: "", type: "ANY" };
    this.#set({ service, id, lease, written, instance: undefined, question, ...fresh });
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
    const before = newest(leases)?.instance;
    leases.set(lease, claim);
    if (newest(leases)?.instance !== before) this.#changed(service);
  }

  #delete(claim: Claim): void {
    const { service, id, lease } = claim;
    const ids = this.#claims.get(service);
    const leases = ids?.get(id);
    if (ids === undefined || leases === undefined) return;
    const before = newest(leases)?.instance;
    if (leases.delete(lease)) this.#count--;
    if (leases.size === 0) ids.delete(id);
    if (ids.size === 0) this.#claims.delete(service);
    if (newest(leases)?.instance !== before) this.#changed(service);
  }

  /** Nothing was heard for a while, and now is: that nobody renewed meanwhile says nothing. */
  forgive(now: number): void {
    for (const claim of this.#all())
      claim.expiresAt = Math.max(claim.expiresAt, now + claim.ttlMs / 3 + FORGIVE_MS);
  }

  /**
   * Ends what is over, and says what is to be asked because it soon will be.
   * @returns `nextAt`: when to come again
   */
  sweep(now: number, rules: SweepRules): { readonly ask: readonly Question[]; readonly nextAt: number } {
    const ask: Question[] = [];
    let nextAt = Number.POSITIVE_INFINITY;
    for (const claim of this.#all()) {
      const watched = claim.instance !== undefined && rules.watched(claim.service);
      if (watched && rules.frozen) continue;
      const due = watched ? dueOf(claim) : claim.expiresAt;
      if (due > now) {
        nextAt = Math.min(nextAt, due);
        continue;
      }
      const unasked = watched && claim.asked === 0;
      if (claim.expiresAt <= now && !unasked) {
        this.#delete(claim);
        continue;
      }
      ask.push(claim.question);
      while (claim.asked < ASK_AGAIN.length && thresholdOf(claim) <= now) claim.asked++;
      if (claim.expiresAt <= now) claim.expiresAt = now + GRACE_MS;
      nextAt = Math.min(nextAt, dueOf(claim));
    }
    return { ask, nextAt };
  }

  *#all(): Iterable<Claim> {
    for (const ids of [...this.#claims.values()])
      for (const leases of [...ids.values()]) yield* [...leases.values()];
  }

  /** Whom others, without a lease, list at a place where one of ours is, is the same. */
  instances(service: string): readonly Instance[] {
    const own: Instance[] = [];
    const foreign: Instance[] = [];
    for (const leases of this.#claims.get(service)?.values() ?? []) {
      const claim = newest(leases);
      if (claim?.instance !== undefined) (claim.lease === FOREIGN ? foreign : own).push(claim.instance);
    }
    if (foreign.length === 0 || own.length === 0) return [...own, ...foreign];
    const places = new Set(own.flatMap((i) => i.addresses.map((a) => placeText(i, a.protocol))));
    return [...own, ...foreign.filter((i) => !places.has(placeText(i)))];
  }

  get services(): readonly string[] {
    return [...this.#claims.keys()];
  }
}

function placeText(instance: Instance, ...protocols: readonly string[]): string | undefined {
  const place = placeOf(instance, ...protocols);
  return place === undefined ? undefined : hostPort(place);
}

function newest(leases: ReadonlyMap<string, Claim>): Claim | undefined {
  let best: Claim | undefined;
  for (const claim of leases.values()) {
    // A goodbye is about its own lease only.
    if (claim.instance === undefined) continue;
    const later = best === undefined || claim.written > best.written;
    if (later || (claim.written === best?.written && claim.lease > best.lease)) best = claim;
  }
  return best;
}

function thresholdOf(claim: Claim): number {
  return claim.bornAt + claim.ttlMs * (ASK_AGAIN[claim.asked] ?? Number.POSITIVE_INFINITY);
}

const dueOf = (claim: Claim): number => Math.min(claim.expiresAt, thresholdOf(claim));

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
