import type { EndpointInfo } from "../endpoint.ts";
import type { RemoteEndpoint } from "../session/outgoing-call.ts";

/** A session's `endpoints` where the server tells of none: whichever is asked for, there is one. Iterating gives those that were asked for. */
export class AssumedEndpoints implements ReadonlyMap<string, RemoteEndpoint> {
  readonly #assume: (name: string) => EndpointInfo;
  readonly #made = new Map<string, RemoteEndpoint>();

  constructor(assume: (name: string) => EndpointInfo) {
    this.#assume = assume;
  }

  get size(): number {
    return this.#made.size;
  }

  get(name: string): RemoteEndpoint {
    let endpoint = this.#made.get(name);
    if (endpoint === undefined) {
      endpoint = { ...this.#assume(name), id: this.#made.size };
      this.#made.set(name, endpoint);
    }
    return endpoint;
  }

  has(): boolean {
    return true;
  }

  forEach(
    visit: (value: RemoteEndpoint, key: string, map: ReadonlyMap<string, RemoteEndpoint>) => void,
  ): void {
    for (const [key, value] of this.#made) visit(value, key, this);
  }

  entries(): MapIterator<[string, RemoteEndpoint]> {
    return this.#made.entries();
  }

  keys(): MapIterator<string> {
    return this.#made.keys();
  }

  values(): MapIterator<RemoteEndpoint> {
    return this.#made.values();
  }

  [Symbol.iterator](): MapIterator<[string, RemoteEndpoint]> {
    return this.#made.entries();
  }
}
