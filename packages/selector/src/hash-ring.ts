import { hashText, nth } from "@skein/core/internal";

/** Points of a member of weight 1. */
const POINTS = 8;
/** Places at which a key looks. */
const LOOKS = 5;
const TWO_32 = 2 ** 32;
/** Members that can be added at once (an index has to fit beside a hash in 53 bits). */
const INDEX = 2 ** 20;

/** Places on the circle, in order, and whose they are. */
interface Points<M> {
  readonly points: Uint32Array;
  readonly owners: readonly M[];
}

export interface Member {
  readonly id: string;
  /** Above 0. */
  readonly weight: number;
  /** The ring's own. */
  mark: object | undefined;
}

/**
 * Keys to members, alike in all processes. A member has points on a circle, more of them with more weight; a key looks at a few places and belongs to the
 * point that comes soonest after one of them (multi-probe consistent hashing, Appleton and O'Reilly 2015): shares as even as those of a ring with
 * ten times the points. Who goes gives up its own keys only, who comes takes only keys for itself. A change costs time in proportion to all points.
 */
export class HashRing<M extends Member> {
  #points = new Uint32Array(0);
  #owners: M[] = [];
  #counts = new Map<M, number>();
  /** By the upper bits of a place: the first point that may come after it. */
  #starts = new Int32Array(2);
  #shift = 31;

  /** Weights count in relation to the largest power of two that one of them reaches: where that changes, so do all points. */
  update(members: readonly M[]): void {
    const mark = {};
    const unit =
      POINTS / 2 ** Math.floor(Math.log2(members.reduce((most, m) => Math.max(most, m.weight), 0)));
    const counts = new Map<M, number>();
    const added: M[] = [];
    for (const member of members) {
      const count = Math.max(1, Math.round(member.weight * unit));
      counts.set(member, count);
      if (this.#counts.get(member) === count) member.mark = mark;
      else added.push(member);
    }
    const same = added.length === 0 && counts.size === this.#counts.size;
    this.#counts = counts;
    if (!same) this.#merge(mark, this.#sorted(added));
  }

  #sorted(added: readonly M[]): Points<M> {
    const packed: number[] = [];
    added.forEach((member, index) => {
      const hash = hashText(member.id);
      const count = this.#counts.get(member) as number;
      for (let n = 1; n <= count; n++) packed.push((nth(hash, n) >>> 0) * INDEX + index);
    });
    const sorted = Float64Array.from(packed).sort();
    const points = new Uint32Array(sorted.length);
    const owners: M[] = [];
    sorted.forEach((value, i) => {
      points[i] = Math.trunc(value / INDEX);
      owners.push(added[value % INDEX] as M);
    });
    return { points, owners };
  }

  /** Old points whose owner has the mark, and new ones, in order. */
  #merge(mark: object, added: Points<M>): void {
    const oldPoints = this.#points;
    const oldOwners = this.#owners;
    let total = 0;
    for (const count of this.#counts.values()) total += count;
    const points = new Uint32Array(total);
    const owners: M[] = [];
    let o = 0;
    let a = 0;
    for (let i = 0; i < total; i++) {
      while (o < oldPoints.length && (oldOwners[o] as M).mark !== mark) o++;
      const old = oldPoints[o] ?? TWO_32;
      const next = added.points[a] ?? TWO_32;
      if (old <= next) {
        points[i] = old;
        owners.push(oldOwners[o++] as M);
      } else {
        points[i] = next;
        owners.push(added.owners[a++] as M);
      }
    }
    inOrderOfIds(points, owners);
    this.#points = points;
    this.#owners = owners;
    this.#index();
  }

  #index(): void {
    const points = this.#points;
    const shift = Math.clz32(2 * points.length);
    const starts = new Int32Array(2 ** (32 - shift));
    let bucket = 0;
    for (let i = 0; i < points.length; i++) {
      const last = (points[i] as number) >>> shift;
      while (bucket <= last) starts[bucket++] = i;
    }
    starts.fill(points.length, bucket);
    this.#starts = starts;
    this.#shift = shift;
  }

  /**
   * The key's owner, as if there were nobody who was tried; where it has no room the next one around the circle that has (consistent hashing with bounded
   * loads, Mirrokni, Thorup and Zadimoghaddam 2016), or the owner after all if nobody has. Undefined when all were tried.
   */
  find(
    key: string,
    exclude: ReadonlySet<string> | undefined,
    hasRoom: (member: M) => boolean,
  ): M | undefined {
    const owners = this.#owners;
    const n = owners.length;
    const first = n === 0 ? -1 : this.#look(hashText(key), exclude);
    if (first < 0) return undefined;
    for (let steps = 0, at = first; steps < n; steps++) {
      const owner = owners[at] as M;
      if ((exclude === undefined || !exclude.has(owner.id)) && hasRoom(owner)) return owner;
      at = at + 1 === n ? 0 : at + 1;
    }
    return owners[first];
  }

  /** Index of the point that the hash belongs to; -1: all were tried. */
  #look(hash: number, exclude: ReadonlySet<string> | undefined): number {
    const points = this.#points;
    const starts = this.#starts;
    const shift = this.#shift;
    const n = points.length;
    let nearest = TWO_32;
    let found = -1;
    for (let look = 0; look < LOOKS; look++) {
      const place = nth(hash, look) >>> 0;
      let at = starts[place >>> shift] as number;
      while (at < n && (points[at] as number) < place) at++;
      if (at === n) at = 0;
      if (exclude !== undefined) at = this.#untried(at, exclude);
      if (at < 0) return at;
      const far = ((points[at] as number) - place) >>> 0;
      if (far < nearest) {
        nearest = far;
        found = at;
      }
    }
    return found;
  }

  #untried(from: number, exclude: ReadonlySet<string>): number {
    const owners = this.#owners;
    const n = owners.length;
    for (let steps = 0, at = from; steps < n; steps++) {
      if (!exclude.has((owners[at] as M).id)) return at;
      at = at + 1 === n ? 0 : at + 1;
    }
    return -1;
  }
}

/** Of points at the same place the one with the lesser id comes first, in all processes. */
function inOrderOfIds(points: Uint32Array, owners: Member[]): void {
  for (let i = 1; i < points.length; i++) {
    for (let j = i; j > 0 && points[j] === points[j - 1]; j--) {
      const [before, after] = [owners[j - 1] as Member, owners[j] as Member];
      if (before.id <= after.id) break;
      owners[j - 1] = after;
      owners[j] = before;
    }
  }
}
