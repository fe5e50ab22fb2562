import { suggestion } from "@skein/core/internal";
import type { PeerEndpoint, PeerInfo } from "../records.ts";

const NAMESPACE = "skein.namespace";
/** Anybody may tell anything. Beyond so many instances in a census it is not kept… */
const MOST_INSTANCES = 100;
/** …nor beyond so many names. */
const MOST_ENDPOINTS = 1000;

interface Index {
  readonly byName: ReadonlyMap<string, PeerEndpoint>;
  /** By their names in small letters. */
  readonly alike: ReadonlyMap<string, readonly PeerEndpoint[]>;
}

/** What the instances of a service have told of it: in the last census, and in the one under way. */
export class KnownEndpoints {
  readonly #namespace: string | undefined;
  #before: ReadonlyMap<string, readonly PeerEndpoint[]> = new Map();
  #told = new Map<string, readonly PeerEndpoint[]>();
  /** Of both, made when it is asked for. */
  #made: Index | undefined;

  constructor(namespace: string | undefined) {
    this.#namespace = namespace;
  }

  /** False: it is of another namespace. One that names none is everybody's. */
  learn({ id, metadata, endpoints }: PeerInfo): boolean {
    const theirs = metadata[NAMESPACE];
    if (theirs !== undefined && theirs !== this.#namespace) return false;
    if (this.#told.size < MOST_INSTANCES || this.#told.has(id)) {
      this.#told.set(id, endpoints.slice(0, MOST_ENDPOINTS));
      this.#made = undefined;
    }
    return true;
  }

  /** A census is over: who has told nothing in it is forgotten. Where nobody has, nobody is: they are frozen, not gone. */
  counted(): void {
    if (this.#told.size === 0) return;
    this.#before = this.#told;
    this.#told = new Map();
    this.#made = undefined;
  }

  /** The one of that very name (dots being `_`), else the one that differs in its first letter, else the only one that differs in capitals. */
  find(method: string): PeerEndpoint | undefined {
    const name = method.replaceAll(".", "_");
    const { byName, alike } = this.#index;
    const same = byName.get(name);
    if (same !== undefined) return same;
    const others = alike.get(name.toLowerCase()) ?? [];
    return (
      others.find((one) => one.name.slice(1) === name.slice(1)) ??
      (others.length === 1 ? others[0] : undefined)
    );
  }

  /** `; did you mean add?`, or nothing. */
  near(method: string): string {
    return suggestion(method, this.#index.byName.keys());
  }

  get #index(): Index {
    this.#made ??= indexOf(this.#newestFirst());
    return this.#made;
  }

  *#newestFirst(): Iterable<PeerEndpoint> {
    for (const endpoints of this.#told.values()) yield* endpoints;
    for (const [id, endpoints] of this.#before) if (!this.#told.has(id)) yield* endpoints;
  }
}

function indexOf(endpoints: Iterable<PeerEndpoint>): Index {
  const byName = new Map<string, PeerEndpoint>();
  for (const endpoint of endpoints)
    if (byName.size < MOST_ENDPOINTS && !byName.has(endpoint.name)) byName.set(endpoint.name, endpoint);
  const alike = new Map<string, PeerEndpoint[]>();
  for (const endpoint of byName.values()) {
    const small = endpoint.name.toLowerCase();
    const others = alike.get(small);
    if (others === undefined) alike.set(small, [endpoint]);
    else others.push(endpoint);
  }
  return { byName, alike };
}
