import { hashText, mix } from "../hash.ts";

/** Of which one of so many at least is of another zone, so that there is somewhere to go. */
const ABROAD_OF = 5;

export interface Ranked {
  /** The subset's own, once it has looked at it; undefined at first. */
  rank: number | undefined;
  readonly instance: { readonly id: string; readonly zone?: string | undefined };
}

/**
 * Which of very many instances a client connects to: those with the highest hash of their id and the client's own seed (rendezvous hashing, gRPC's
 * proposal A68). Each client has others, all instances have about as many clients; when one comes or goes, a client exchanges one at most,
 * and every other client the same one or none. With a zone, four of five are of that zone, as far as it has them.
 */
export class Subset {
  readonly #size: number;
  readonly #random: () => number;
  #seed: number | undefined;
  readonly #zone: string | undefined;

  /** @param random asked once, for the seed, when somebody is to be chosen */
  constructor(size: number, random: () => number, zone: string | undefined) {
    this.#size = size;
    this.#random = random;
    this.#zone = zone;
  }

  /** Takes time in proportion to their number. */
  choose<R extends Ranked>(all: Iterable<R>, from: (one: R) => boolean): Set<R> {
    this.#seed ??= Math.floor(this.#random() * 2 ** 32) | 0;
    const here = new Highest<R>(this.#size);
    const abroad = new Highest<R>(this.#size);
    for (const one of all) {
      if (!from(one)) continue;
      one.rank ??= mix(hashText(one.instance.id) ^ this.#seed);
      const far = this.#zone !== undefined && one.instance.zone !== this.#zone;
      (far ? abroad : here).offer(one);
    }
    const least = Math.min(Math.floor(this.#size / ABROAD_OF), abroad.all.length);
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
  const [one, other] = [a.rank as number, b.rank as number];
  return one > other || (one === other && a.instance.id < b.instance.id);
}
