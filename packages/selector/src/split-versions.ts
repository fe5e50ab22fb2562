import type { Candidate, Pick, Picker, PickRequest, Selector, SelectorFactory } from "@skein/core";
import { compileRange } from "@skein/core/internal";
import { createChance, FULL } from "./chance.ts";
import { draw, Group, pickInOrder } from "./group.ts";

/**
 * Divides calls between versions, by ranges and weights, with any selector among the instances of each: `splitVersions({ "^1": 95, "^2": 5 }, p2c)`. An
 * instance is of the first range that its version fits, and gets nothing if it fits none. A range with nobody ready leaves its share to the others, in
 * the order of their weights; so does one whose instances a call has tried. Calls with a key stay with their range as long as the weights stay.
 * @throws TypeError when a range or a weight cannot be read
 */
export function splitVersions(
  shares: Readonly<Record<string, number>>,
  factory: SelectorFactory,
): SelectorFactory {
  const parts = Object.entries(shares).map(([range, weight]) => {
    if (!(weight >= 0 && weight < Number.POSITIVE_INFINITY))
      throw new TypeError(`splitVersions: the weight of "${range}" is ${weight}: give 0 or more`);
    return { weight, fits: compileRange(range) };
  });
  const sum = parts.reduce((total, { weight }) => total + weight, 0);
  if (sum === 0) throw new TypeError("splitVersions: no range has a weight above 0");
  return (options) =>
    new VersionSplit(
      parts.map(({ weight, fits }) => ({ share: weight / sum, fits, group: new Group(factory(options)) })),
      createChance(options.random),
    );
}

interface Part {
  readonly share: number;
  readonly fits: (version: string) => boolean;
  readonly group: Group;
}
/** A part to begin with. */
interface Road {
  /** Draws below it, and not below the one before, go here. */
  readonly until: number;
  readonly order: readonly Group[];
}

class VersionSplit implements Selector, Picker {
  readonly #parts: readonly Part[];
  readonly #below: (n: number) => number;
  readonly #roads: readonly Road[];
  /** Parts by version; of the last update only. */
  readonly #known = new Map<string, number>();

  constructor(parts: readonly Part[], below: (n: number) => number) {
    this.#parts = parts;
    this.#below = below;
    const bySize = parts.filter(({ share }) => share > 0).sort((a, b) => b.share - a.share);
    let until = 0;
    this.#roads = bySize.map((part) => {
      until += part.share * FULL;
      const others = bySize.filter((other) => other !== part);
      return { until, order: [part, ...others].map(({ group }) => group) };
    });
  }

  update(candidates: readonly Candidate[]): this {
    this.#known.clear();
    const members = this.#parts.map((): Candidate[] => []);
    for (const candidate of candidates) {
      members[this.#partOf(candidate.instance.version)]?.push(candidate);
    }
    this.#parts.forEach(({ group }, at) => void group.update(members[at] as Candidate[]));
    return this;
  }

  /** Versions are few, instances many. */
  #partOf(version: string): number {
    let at = this.#known.get(version);
    if (at === undefined) {
      at = this.#parts.findIndex(({ fits }) => fits(version));
      this.#known.set(version, at);
    }
    return at;
  }

  pick(call: PickRequest): Pick | undefined {
    const drawn = draw(call.key, this.#below);
    const last = this.#roads.length - 1;
    let at = 0;
    while (at < last && drawn >= (this.#roads[at] as Road).until) at++;
    return pickInOrder((this.#roads[at] as Road).order, call);
  }
}
