import type { Candidate, CandidateState, Pick, Picker, PickRequest, Selector } from "@skein/core";
import { hashText, mix } from "@skein/core/internal";

/** Best first, as Pool has them. */
const LEVELS: readonly (readonly CandidateState[])[] = [["ready"], ["idle", "connecting"], ["suspect"]];

/** Some of the candidates, with a selector of their own. Which group an instance is in must not change with its state: statistics would be lost. */
export class Group {
  readonly #selector: Selector;
  #picker: Picker;
  #levels: readonly (readonly Candidate[])[] = [];

  constructor(selector: Selector) {
    this.#selector = selector;
    this.#picker = selector.update([]);
  }

  update(candidates: readonly Candidate[]): void {
    const open = candidates.filter(({ instance }) => instance.weight > 0);
    this.#levels = LEVELS.map((states) => open.filter(({ state }) => states.includes(state)));
    this.#picker = this.#selector.update(candidates);
  }

  pick(call: PickRequest): Pick | undefined {
    return this.#picker.pick(call);
  }

  /** Somebody of that level was not tried yet. */
  has(level: number, exclude: ReadonlySet<string> | undefined): boolean {
    const candidates = this.#levels[level] as readonly Candidate[];
    if (exclude === undefined) return candidates.length > 0;
    for (let i = 0; i < candidates.length; i++)
      if (!exclude.has((candidates[i] as Candidate).instance.id)) return true;
    return false;
  }
}

/** From the first group that has somebody ready, or else somebody who can be, or else a suspect. */
export function pickInOrder(groups: readonly Group[], call: PickRequest): Pick | undefined {
  for (let level = 0; level < LEVELS.length; level++) {
    for (let g = 0; g < groups.length; g++) {
      const group = groups[g] as Group;
      if (group.has(level, call.exclude)) return group.pick(call);
    }
  }
  return undefined;
}

/** Of draws. */
export const FULL = 2 ** 24;
const SALT = 0x51ed270b;

/** A whole number below FULL: by chance, or, for calls with a key, always the same. */
export function draw(key: string | undefined, below: (n: number) => number): number {
  return key === undefined ? below(FULL) : mix(hashText(key) ^ SALT) >>> 8;
}
