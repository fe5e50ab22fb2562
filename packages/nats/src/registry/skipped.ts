import type { Logger } from "@skein/core";
import { Malformed } from "@skein/registry/backend";

/** Of one place; a liar may send as many as he likes. */
const MOST = 1000;

/** What was skipped in the last look at each place: a service, or all of them. */
export class Skipped {
  readonly #malformed: Malformed;
  readonly #places = new Map<string, Map<string, string>>();

  constructor(logger: Logger) {
    this.#malformed = new Malformed(logger);
  }

  get count(): number {
    return this.#malformed.count;
  }

  /** A look begins. */
  begin(place: string): void {
    this.#places.set(place, new Map());
  }

  add(place: string, skipped: ReadonlyMap<string, string>): void {
    const known = this.#places.get(place);
    if (known === undefined || skipped.size === 0) return;
    const before = known.size;
    for (const [key, why] of skipped) if (known.size < MOST) known.set(key, why);
    if (known.size > before) this.seen();
  }

  /** A look is over. */
  seen(): void {
    this.#malformed.seen(new Map([...this.#places.values()].flatMap((place) => [...place])));
  }

  /** Nobody looks there any more. */
  end(place: string): void {
    this.#places.delete(place);
  }
}
