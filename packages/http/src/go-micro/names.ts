import type { Runtime, ServiceDescription } from "@skein/core";
import { type FoundName, findGoName, type GoNames } from "@skein/core/internal";

/** Names that were found are kept; beyond so many, anew. */
const MOST_KEPT = 1000;
const LONGEST = 256;

/** Finds what a Go Micro program means by `User.GetUser`. */
export class GoMicroNames {
  readonly #describe: () => readonly ServiceDescription[];
  readonly #names: GoNames | undefined;
  readonly #runtime: Runtime;
  readonly #found = new Map<string, FoundName>();
  /** As they are in this turn of the loop. */
  #services: readonly ServiceDescription[] | undefined;

  constructor(runtime: Runtime, describe: () => readonly ServiceDescription[], names: GoNames | undefined) {
    this.#runtime = runtime;
    this.#describe = describe;
    this.#names = names;
  }

  /**
   * What it means, or what Go Micro's own server says to a name that it does not know.
   * @param service that the caller has asked for, where it says so
   */
  find(goName: string, service = ""): FoundName | string {
    const key = `${service} ${goName}`;
    const known = this.#found.get(key);
    if (known !== undefined) return known;
    const found =
      key.length > LONGEST ? notFound("form", goName.slice(0, LONGEST)) : this.#look(goName, service);
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
    const ours = this.#names?.(goName, services);
    if (ours !== undefined) {
      const service = services.find(({ service }) => service === ours.service);
      const endpoint = service?.endpoints.find(({ name }) => name === ours.method);
      return { ...ours, kind: endpoint?.kind as FoundName["kind"] };
    }
    const whole = service === "" || !goName.includes(".") ? goName : `${service}.${goName}`;
    const found = findGoName(whole, services);
    return "unknown" in found ? notFound(found.unknown, goName) : found;
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

function notFound(what: "service" | "method" | "form", goName: string): string {
  if (what === "form") return `rpc: service/method request ill-formed: ${goName}`;
  const dot = goName.lastIndexOf(".");
  return `rpc: can't find ${what} ${what === "service" ? goName.slice(0, dot) : goName.slice(dot + 1)}`;
}
