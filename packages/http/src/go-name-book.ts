import type { Runtime, ServiceDescription } from "@skein/core";
import { type FoundName, findGoName, type GoNames, type UnknownName } from "@skein/core/internal";

/** Names that were found are kept; beyond so many, anew. */
const MOST_KEPT = 1000;
const LONGEST = 256;

export interface GoNameBookOptions {
  readonly runtime: Runtime;
  readonly services: () => readonly ServiceDescription[];
  /** A rule of the user's own, asked first. */
  readonly names: GoNames | undefined;
  /** What is answered about a name that means nothing here. @param hint what is near, or what would be right; may be empty */
  readonly unknown: (what: UnknownName["unknown"], goName: string, hint: string) => string;
}

/** Finds what a Go name means. Services are described once a turn of the loop, and names that were found not at all. */
export class GoNameBook {
  readonly #o: GoNameBookOptions;
  readonly #found = new Map<string, FoundName>();
  /** As they are in this turn of the loop. */
  #services: readonly ServiceDescription[] | undefined;

  constructor(options: GoNameBookOptions) {
    this.#o = options;
  }

  /**
   * What it means, or what to answer.
   * @param service that the caller has asked for, where it says so
   */
  find(goName: string, service = ""): FoundName | string {
    const key = `${service} ${goName}`;
    const known = this.#found.get(key);
    if (known !== undefined) return known;
    if (key.length > LONGEST) return this.#o.unknown("form", goName.slice(0, LONGEST), ": it is too long");
    const found = this.#look(goName, service);
    if (typeof found === "string") return found;
    if (this.#found.size >= MOST_KEPT) this.#found.clear();
    this.#found.set(key, found);
    return found;
  }

  /** It was not there when it was called. */
  forget(goName: string, service = ""): void {
    this.#found.delete(`${service} ${goName}`);
  }

  #look(goName: string, service: string): FoundName | string {
    const services = this.#now();
    const ours = this.#o.names?.(goName, services);
    if (ours !== undefined) {
      const service = services.find(({ service }) => service === ours.service);
      const endpoint = service?.endpoints.find(({ name }) => name === ours.method);
      return { ...ours, kind: endpoint?.kind as FoundName["kind"] };
    }
    const whole = service === "" || !goName.includes(".") ? goName : `${service}.${goName}`;
    const found = findGoName(whole, services);
    return "unknown" in found ? this.#o.unknown(found.unknown, goName, found.hint) : found;
  }

  #now(): readonly ServiceDescription[] {
    if (this.#services === undefined) {
      this.#services = this.#o.services();
      this.#o.runtime.yieldToIo(() => {
        this.#services = undefined;
      });
    }
    return this.#services;
  }
}
