import type { Logger } from "@skein/core";

/** Counts records that are none, and says each once. */
export class Malformed {
  readonly #logger: Logger;
  #keys: ReadonlySet<string> = new Set();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** In the last look. */
  get count(): number {
    return this.#keys.size;
  }

  /** A look is over: these were skipped. @param of only keys that pass were looked at */
  seen(skipped: ReadonlyMap<string, string>, of: (key: string) => boolean = () => true): void {
    const keys = new Set([...this.#keys].filter((key) => !of(key)));
    for (const [key, why] of skipped) {
      keys.add(key);
      if (!this.#keys.has(key))
        this.#logger.warn({ key, why }, "a record in the registry is malformed: skipped");
    }
    this.#keys = keys;
  }
}
