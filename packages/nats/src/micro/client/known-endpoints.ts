import { suggestion } from "@skein/core/internal";
import type { PeerEndpoint, PeerInfo } from "../records.ts";

const NAMESPACE = "skein.namespace";

/** What the instances of a service have told of it. */
export class KnownEndpoints {
  readonly #namespace: string | undefined;
  readonly #byName = new Map<string, PeerEndpoint>();

  constructor(namespace: string | undefined) {
    this.#namespace = namespace;
  }

  /** False: it is of another namespace. One that names none is everybody's. */
  learn({ metadata, endpoints }: PeerInfo): boolean {
    const theirs = metadata[NAMESPACE];
    if (theirs !== undefined && theirs !== this.#namespace) return false;
    for (const endpoint of endpoints) this.#byName.set(endpoint.name, endpoint);
    return true;
  }

  /** The one of that very name (dots being `_`), else the one that differs in its first letter, else the only one that differs in capitals. */
  find(method: string): PeerEndpoint | undefined {
    const name = method.replaceAll(".", "_");
    const all = [...this.#byName.values()];
    const alike = all.filter((one) => one.name.toLowerCase() === name.toLowerCase());
    return (
      this.#byName.get(name) ??
      alike.find((one) => one.name.slice(1) === name.slice(1)) ??
      (alike.length === 1 ? alike[0] : undefined)
    );
  }

  /** `; did you mean add?`, or nothing. */
  near(method: string): string {
    return suggestion(method, this.#byName.keys());
  }
}
