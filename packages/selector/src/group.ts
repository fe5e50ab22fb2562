import type { Candidate, Pick, Picker, PickRequest, Selector } from "@skein/core";
import { hashText, mix } from "@skein/core/internal";
import { FULL } from "./chance.ts";
import { TIER, TIERS } from "./pool.ts";

/** Some of the candidates, with a selector of their own. Which group an instance is in must not change with its state: statistics would be lost. */
export class Group {
  readonly #selector: Selector;
  #picker: Picker;
  /** Those that may be picked. */
  #tiers: readonly (readonly Candidate[])[] = [];

  constructor(selector: Selector) {
    this.#selector = selector;
    this.#picker = selector.update([]);
  }

  update(candidates: readonly Candidate[]): void {
    const tiers = Array.from({ length: TIERS }, (): Candidate[] => []);
    for (const candidate of candidates)
      if (candidate.instance.weight > 0) tiers[TIER[candidate.state]]?.push(candidate);
    this.#tiers = tiers;
    this.#picker = this.#selector.update(candidates);
  }

  pick(call: PickRequest): Pick | undefined {
    return this.#picker.pick(call);
  }

  /** Somebody of that tier was not tried yet. */
  has(tier: number, exclude: ReadonlySet<string> | undefined): boolean {
    const candidates = this.#tiers[tier] as readonly Candidate[];
    if (exclude === undefined) return candidates.length > 0;
    for (let i = 0; i < candidates.length; i++)
      if (!exclude.has((candidates[i] as Candidate).instance.id)) return true;
    return false;
  }
}

/** From the first group that has somebody ready, or else somebody who can be, or else a suspect. */
export function pickInOrder(groups: readonly Group[], call: PickRequest): Pick | undefined {
  for (let tier = 0; tier < TIERS; tier++) {
    for (let g = 0; g < groups.length; g++) {
      const group = groups[g] as Group;
      if (group.has(tier, call.exclude)) return group.pick(call);
    }
  }
  return undefined;
}

/** So that other uses of the key's hash say nothing of its draw. */
const SALT = 0x51ed270b;

/** A whole number below FULL: by chance, or, for calls with a key, always the same. */
export function draw(key: string | undefined, below: (n: number) => number): number {
  return key === undefined ? below(FULL) : mix(hashText(key) ^ SALT) >>> 8;
}
