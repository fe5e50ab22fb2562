import type { Instance } from "../instance.ts";

/** What somebody keeps of an instance. */
export interface Kept {
  readonly instance: Instance;
  /** Where it was the last time. */
  place: number;
}

/**
 * Finds what is kept of instances without a look-up while they come as the same objects in the same order as the last time: nearly all of thousands do,
 * snapshot after snapshot.
 */
export class InOrder<K extends Kept> {
  #before: readonly K[] = [];
  #now: K[] = [];
  #at = 0;

  /** Another time. */
  begin(): void {
    this.#before = this.#now;
    this.#now = [];
    this.#at = 0;
  }

  /** What was kept of this very object. Undefined: look it up. */
  next(instance: Instance): K | undefined {
    const kept = this.#before[this.#at];
    return kept?.instance === instance ? kept : undefined;
  }

  /** It is the one; whoever came after it the last time is expected next. */
  add(kept: K): void {
    if (this.#before[kept.place] === kept) this.#at = kept.place + 1;
    kept.place = this.#now.length;
    this.#now.push(kept);
  }
}
