/** Those who want to hear of something. */
export class Listeners {
  readonly #all = new Set<() => void>();

  /** @returns ends it */
  add(told: () => void): () => void {
    this.#all.add(told);
    return () => void this.#all.delete(told);
  }

  tell(): void {
    for (const told of [...this.#all]) told();
  }
}
