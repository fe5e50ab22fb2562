/** When a question was asked, as far as the store's revision goes. */
export interface Asked {
  /** The highest revision seen until then. */
  readonly revision: number;
  readonly resets: number;
}

/**
 * Knows a store that was wiped or restored: it knows less than the store we asked before. Only what was seen before a question can be held against its answer:
 * answers overtake each other, and events overtake them.
 */
export class Revisions {
  /** The store is another one, or an older one. */
  onReset: (revision: number, before: number) => void = () => {};
  #highest = 0;
  #resets = 0;

  ask(): Asked {
    return { revision: this.#highest, resets: this.#resets };
  }

  /** @param asked of the question that this answers, or of what begins a stream */
  answered(revision: number, asked: Asked): void {
    // Nothing can be said of what was asked of the store as it was.
    if (revision <= 0 || asked.resets !== this.#resets) return;
    if (revision >= asked.revision) {
      this.#highest = Math.max(this.#highest, revision);
      return;
    }
    this.#resets++;
    this.#highest = revision;
    this.onReset(revision, asked.revision);
  }
}
