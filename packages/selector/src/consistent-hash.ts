import type { Candidate, Picker, PickRequest, Selector, SelectorFactory } from "@skein/core";
import { createChance } from "./chance.ts";
import { HashRing, type Member } from "./hash-ring.ts";
import { type Entry, nextOpen, Pool } from "./pool.ts";

export interface ConsistentHashOptions {
  /** No instance has more than so many times the mean of calls in flight, by weight: what is above goes to the next around the circle. @default 1.25 */
  readonly boundedLoad?: number | undefined;
}

/** A call's key to always the same instance: see createConsistentHash. */
export const consistentHash: SelectorFactory = createConsistentHash();

/**
 * A call's `key` to always the same instance, in all clients alike, by multi-probe consistent hashing with bounded loads (c = 1.25 as in HAProxy's and
 * Envoy's documentation): 1 of n keys moves when one of n instances comes or goes. An instance that is not connected keeps its keys: the first
 * call connects it, and goes to the next one meanwhile. Calls without a key go to the less busy of two at random.
 */
export function createConsistentHash({ boundedLoad = 1.25 }: ConsistentHashOptions = {}): SelectorFactory {
  if (!(boundedLoad > 1)) throw new TypeError(`boundedLoad is ${boundedLoad}: give a number above 1`);
  return ({ random }) => new ConsistentHash(boundedLoad, createChance(random));
}

/** Calls in flight, of all instances. */
interface Flight {
  calls: number;
}

class Keyed implements Entry, Member {
  candidate: Candidate;
  round = 0;
  calls = 0;
  readonly id: string;
  weight = 1;
  mark: object | undefined = undefined;
  readonly #flight: Flight;

  constructor(candidate: Candidate, flight: Flight) {
    this.candidate = candidate;
    this.id = candidate.instance.id;
    this.#flight = flight;
  }

  picked(): this {
    this.calls++;
    this.#flight.calls++;
    return this;
  }

  done(): void {
    this.calls--;
    this.#flight.calls--;
  }
}

class ConsistentHash implements Selector, Picker {
  readonly #flight: Flight = { calls: 0 };
  readonly #pool = new Pool<Keyed>((candidate) => new Keyed(candidate, this.#flight));
  readonly #boundedLoad: number;
  readonly #below: (n: number) => number;
  #tiers: Keyed[][] = [];
  /** Those that are connected and those that can be. */
  readonly #all = new HashRing<Keyed>();
  /** Of each tier; made when a call asks. */
  #rings: (HashRing<Keyed> | undefined)[] = [];
  /** Bounded load by weight. */
  #each = 0;
  readonly #hasRoom = ({ calls, weight }: Keyed): boolean =>
    calls < this.#each * weight * (this.#flight.calls + 1);

  constructor(boundedLoad: number, below: (n: number) => number) {
    this.#boundedLoad = boundedLoad;
    this.#below = below;
  }

  update(candidates: readonly Candidate[]): this {
    const tiers = this.#pool.update(candidates);
    for (const tier of tiers) for (const keyed of tier) keyed.weight = keyed.candidate.instance.weight;
    const open = tiers.flat().filter(({ candidate }) => candidate.state !== "suspect");
    const members = open.length > 0 ? open : (tiers[0] ?? []);
    this.#tiers = tiers;
    this.#rings = [];
    this.#all.update(members);
    this.#each = this.#boundedLoad / members.reduce((sum, { weight }) => sum + weight, 0);
    return this;
  }

  pick(call: PickRequest): Keyed | undefined {
    const { key, exclude } = call;
    if (key !== undefined && exclude === undefined)
      return this.#all.find(key, undefined, this.#hasRoom)?.picked();
    for (let t = 0; t < this.#tiers.length; t++) {
      const found =
        key === undefined ? this.#lessBusy(t, exclude) : this.#ring(t).find(key, exclude, this.#hasRoom);
      if (found !== undefined) return found.picked();
    }
    return undefined;
  }

  #ring(t: number): HashRing<Keyed> {
    let ring = this.#rings[t];
    if (ring === undefined) {
      ring = new HashRing();
      ring.update(this.#tiers[t] as Keyed[]);
      this.#rings[t] = ring;
    }
    return ring;
  }

  #lessBusy(t: number, exclude: ReadonlySet<string> | undefined): Keyed | undefined {
    const tier = this.#tiers[t] as Keyed[];
    let i = this.#below(tier.length);
    let j = this.#below(tier.length);
    if (exclude !== undefined) {
      i = nextOpen(tier, i, exclude);
      if (i < 0) return undefined;
      j = nextOpen(tier, j, exclude);
    }
    const a = tier[i] as Keyed;
    const b = tier[j] as Keyed;
    return a.calls * b.weight <= b.calls * a.weight ? a : b;
  }
}
