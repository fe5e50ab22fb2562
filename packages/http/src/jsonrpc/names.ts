import type { Runtime, ServiceDescription } from "@skein/core";
import { type FoundName, findGoName, type GoNames } from "@skein/core/internal";

/** Names that were found are kept; beyond so many, anew. */
const MOST_KEPT = 1000;
const LONGEST = 256;

/** Finds what a Go name means. Services are described once a turn of the loop, and names that were found not at all. */
export class NameBook {
  readonly #describe: () => readonly ServiceDescription[];
  readonly #names: GoNames | undefined;
  readonly #runtime: Runtime;
  readonly #found = new Map<string, FoundName>();
  #services: readonly ServiceDescription[] | undefined;

  constructor(runtime: Runtime, describe: () => readonly ServiceDescription[], names: GoNames | undefined) {
    this.#runtime = runtime;
    this.#describe = describe;
    this.#names = names;
  }

  /** What it means, or what to answer. */
  find(goName: string): FoundName | string {
    const known = this.#found.get(goName);
    if (known !== undefined) return known;
    if (goName.length > LONGEST) return `rpc: service/method request ill-formed: longer than ${LONGEST}`;
    const found = this.#look(goName);
    if (typeof found === "string") return found;
    if (this.#found.size >= MOST_KEPT) this.#found.clear();
    this.#found.set(goName, found);
    return found;
  }

  /** It was not there when it was called. */
  forget(goName: string): void {
    this.#found.delete(goName);
  }

  #look(goName: string): FoundName | string {
    const services = this.#now();
    const ours = this.#names?.(goName, services);
    if (ours !== undefined) {
      const service = services.find(({ service }) => service === ours.service);
      const endpoint = service?.endpoints.find(({ name }) => name === ours.method);
      return { ...ours, kind: endpoint?.kind as FoundName["kind"] };
    }
    const found = findGoName(goName, services);
    if (!("unknown" in found)) return found;
    // In the words of Go's own server, for those who look for them.
    if (found.unknown === "form") return `rpc: service/method request ill-formed: ${goName}${found.hint}`;
    return `rpc: can't find ${found.unknown} ${goName}${found.hint}`;
  }

  #now(): readonly ServiceDescription[] {
    if (this.#services === undefined) {
      this.#services = this.#describe();
      this.#runtime.yieldToIo(() => {
        this.#services = undefined;
      });
    }
    return this.#services;
  }
}
