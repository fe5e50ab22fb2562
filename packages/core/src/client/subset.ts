import { hashText, mix } from "../hash.ts";

/** Of which so many at least are of other zones, so that there is somewhere to go. */
const ABROAD = 4;

export interface Ranked {
  /** Subset.rank() of its id. */
  readonly rank: number;
  readonly instance: { readonly id: string; readonly zone?: string | undefined };
}

/**
 * Which of very many instances a client connects to: those with the highest hash of their id and the client's own seed (rendezvous hashing, gRPC's
 * proposal A68). Each client has others, all instances have about as many clients; when one comes or goes, a client exchanges one at most,
 * and every other client the same one or none. With a zone, four of five are of that zone, as far as it has them.
 */
export class Subset {
  readonly #size: number;
  readonly #seed: number;
  readonly #zone: string | undefined;

  /** @param random once: the seed */
  constructor(size: number, random: () => number, zone: string | undefined) {
    this.#size = size;
    this.#seed = Math.floor(random() * 2 ** 32) | 0;
    this.#zone = zone;
  }

  rank(id: string): number {
    return mix(hashText(id) ^ this.#seed);
  }

  /** Takes time in proportion to their number. */
  choose<R extends Ranked>(all: Iterable<R>, from: (one: R) => boolean): Set<R> {
    const here = new Highest<R>(this.#size);
    const abroad = new Highest<R>(this.#size);
    for (const one of all) {
      if (!from(one)) continue;
      const far = this.#zone !== undefined && one.instance.zone !== this.#zone;
      (far ? abroad : here).offer(one);
    }
    const least = Math.min(ABROAD, abroad.all.length);
    const local = here.all.slice(0, this.#size - least);
    return new Set([...local, ...abroad.all.slice(0, this.#size - local.length)]);
  }
}

/** The highest of those that are offered, in order. */
class Highest<R extends Ranked> {
  readonly all: R[] = [];
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  offer(one: R): void {
    const { all } = this;
    if (all.length === this.#most && !above(one, all[all.length - 1] as R)) return;
    let at = all.length;
    while (at > 0 && above(one, all[at - 1] as R)) at--;
    all.splice(at, 0, one);
    if (all.length > this.#most) all.pop();
  }
}

function above(a: Ranked, b: Ranked): boolean {
  return a.rank > b.rank || (a.rank === b.rank && a.instance.id < b.instance.id);
}
