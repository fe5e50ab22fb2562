import {
  type Candidate,
  DEFAULT_POLICY,
  type Pick,
  type Picker,
  type PickRequest,
  type SelectionPolicy,
  type Selector,
  type SelectorFactory,
  type SlowStartPolicy,
} from "@skein/core";
import { createChance, FULL } from "./chance.ts";
import { draw } from "./group.ts";
import { rulesOf } from "./rules.ts";

/** Of the wrapper itself: they win over the client's policy, field by field. */
export type SlowStartOptions = SlowStartPolicy;

type Rules = NonNullable<SelectionPolicy["slowStart"]>;

/** Ids of instances that are gone are known for so many more than there are. */
const REMEMBERED = 1000;

/**
 * Newcomers get their share little by little, with any selector: of the picks that would go to one, a tenth at first, and all after 10 s (Envoy's slow
 * start: linear, at least 10 %, measured from the first time it is ready). A new process has cold caches, no compiled code and no connections. Who
 * was known before is no newcomer when its connection is back; among newcomers alone, as when a client starts, nobody holds back.
 */
export function slowStart(factory: SelectorFactory, options?: SlowStartOptions): SelectorFactory {
  return (given) => {
    const policy = given.policy ?? DEFAULT_POLICY;
    const rules = rulesOf<Rules>(options, policy.slowStart, DEFAULT_POLICY.slowStart);
    if (rules === undefined) return factory(given);
    return new SlowStart(factory(given), rules.windowMs, rules.least, createChance(given.random));
  };
}

class SlowStart implements Selector, Picker {
  readonly #selector: Selector;
  readonly #windowMs: number;
  readonly #least: number;
  readonly #below: (n: number) => number;
  #picker: Picker;
  /** Ids of all who have been ready. */
  #known = new Set<string>();
  /** Since when those are ready who have not been for long, ms; undefined: since before the next pick. */
  readonly #since = new Map<string, number | undefined>();
  /** Of them, those who hold back. */
  readonly #cold = new Set<string>();
  /** Somebody is ready who is not in #since. */
  #someWarm = false;
  /** Since when the oldest of #since is ready, ms. */
  #oldest = 0;
  /** Who is in #since has changed, or is new there. */
  #stale = false;
  /** The next who is warm, ms. */
  #nextAt = Number.POSITIVE_INFINITY;

  constructor(selector: Selector, windowMs: number, least: number, below: (n: number) => number) {
    this.#selector = selector;
    this.#windowMs = windowMs;
    this.#least = least;
    this.#below = below;
    this.#picker = selector.update([]);
  }

  update(candidates: readonly Candidate[]): this {
    this.#picker = this.#selector.update(candidates);
    this.#someWarm = false;
    const ready = new Set<string>();
    for (const { instance, state } of candidates) {
      if (state !== "ready") continue;
      const { id } = instance;
      if (!this.#known.has(id)) this.#since.set(id, undefined);
      if (this.#since.has(id)) ready.add(id);
      else this.#someWarm = true;
      this.#known.add(id);
    }
    for (const id of this.#since.keys()) if (!ready.has(id)) this.#since.delete(id);
    if (this.#known.size > 2 * candidates.length + REMEMBERED)
      this.#known = new Set(candidates.map(({ instance }) => instance.id));
    this.#stale = this.#since.size > 0 || this.#cold.size > 0;
    return this;
  }

  pick(call: PickRequest): Pick | undefined {
    if (this.#stale || call.now >= this.#nextAt) this.#look(call.now);
    const pick = this.#picker.pick(call);
    if (this.#cold.size === 0 || pick === undefined) return pick;
    const { id } = pick.candidate.instance;
    if (!this.#cold.has(id) || draw(call.key, this.#below) < FULL * this.#share(id, call.now)) return pick;
    pick.done(call.now, call.now, undefined, 0);
    return this.#picker.pick(this.#warmFor(call)) ?? this.#picker.pick(call);
  }

  /** Who is cold now. */
  #look(now: number): void {
    this.#stale = false;
    this.#oldest = this.#nextAt = Number.POSITIVE_INFINITY;
    for (const [id, since = now] of this.#since) {
      if (now - since >= this.#windowMs) {
        this.#since.delete(id);
        this.#someWarm = true;
        continue;
      }
      this.#since.set(id, since);
      this.#oldest = Math.min(this.#oldest, since);
    }
    this.#nextAt = this.#oldest + this.#windowMs;
    this.#cold.clear();
    for (const [id, since = now] of this.#since)
      if (this.#someWarm || since > this.#oldest + this.#windowMs * this.#least) this.#cold.add(id);
  }

  /** Share of its share; relative to the warmest. */
  #share(id: string, now: number): number {
    const warmth = (since: number): number => Math.max(this.#least, (now - since) / this.#windowMs);
    return warmth(this.#since.get(id) ?? now) / (this.#someWarm ? 1 : warmth(this.#oldest));
  }

  #warmFor({ method, key, exclude, now }: PickRequest): PickRequest {
    return {
      method,
      key,
      exclude: exclude === undefined ? this.#cold : new Set([...exclude, ...this.#cold]),
      now,
    };
  }
}
