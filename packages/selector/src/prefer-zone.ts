import type { Candidate, Pick, Picker, PickRequest, Selector, SelectorFactory } from "@skein/core";
import { createChance, FULL } from "./chance.ts";
import { draw, Group, pickInOrder } from "./group.ts";

/** How much more than its share a zone can take before calls leave it (Envoy's overprovisioning factor). */
const OVERPROVISIONED = 1.4;

/**
 * Prefers instances of the client's zone, with any selector among them and among the others. Each zone is taken to have its share of the callers, as
 * in Envoy's zone aware routing; while what is available in the zone (not ejected, not suspected), times 1.4, is enough for that share, all
 * calls stay; else so many stay as it is enough for, and the rest goes to other zones. A call that failed goes there, too, once
 * nobody here is left to try. Without a zone it is the selector itself.
 */
export function preferZone(factory: SelectorFactory): SelectorFactory {
  return (options) =>
    options.zone === undefined
      ? factory(options)
      : new ZonePreference(
          options.zone,
          new Group(factory(options)),
          new Group(factory(options)),
          createChance(options.random),
        );
}

class ZonePreference implements Selector, Picker {
  readonly #zone: string;
  readonly #here: Group;
  readonly #abroad: Group;
  readonly #homeFirst: readonly Group[];
  readonly #abroadFirst: readonly Group[];
  readonly #below: (n: number) => number;
  /** Of FULL. */
  #stay = FULL;

  constructor(zone: string, here: Group, abroad: Group, below: (n: number) => number) {
    this.#zone = zone;
    this.#here = here;
    this.#abroad = abroad;
    this.#homeFirst = [here, abroad];
    this.#abroadFirst = [abroad, here];
    this.#below = below;
  }

  update(candidates: readonly Candidate[]): this {
    const isHere = ({ instance }: Candidate): boolean => instance.zone === this.#zone;
    this.#here.update(candidates.filter(isHere));
    this.#abroad.update(candidates.filter((candidate) => !isHere(candidate)));
    this.#stay = Math.round(FULL * Math.min(1, this.#enough(candidates)));
    return this;
  }

  /** What can be taken here, in shares of a zone. */
  #enough(candidates: readonly Candidate[]): number {
    const zones = new Set<string | undefined>();
    let here = 0;
    let all = 0;
    for (const { instance, state } of candidates) {
      if (state === "draining") continue;
      zones.add(instance.zone);
      all += instance.weight;
      if (instance.zone === this.#zone && state !== "suspect") here += instance.weight;
    }
    return all === 0 ? 1 : (OVERPROVISIONED * here * zones.size) / all;
  }

  pick(call: PickRequest): Pick | undefined {
    const stays = this.#stay === FULL || draw(call.key, this.#below) < this.#stay;
    if (stays && call.exclude === undefined && this.#here.has(0, undefined)) return this.#here.pick(call);
    return pickInOrder(stays ? this.#homeFirst : this.#abroadFirst, call);
  }
}
