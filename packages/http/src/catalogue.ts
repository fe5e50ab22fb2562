import type { Clock, EndpointDescription, ServiceDescription } from "@skein/core";
import { suggestion } from "@skein/core/internal";
import { HttpRefusal } from "./refusal.ts";

/** What is served is asked anew after so long, ms, and when something is not found. */
const FRESH_MS = 1000;

/** Finds the endpoint that a path names. */
export class Catalogue {
  readonly #services: () => readonly ServiceDescription[];
  readonly #clock: Clock;
  #known = new Map<string, Map<string, EndpointDescription>>();
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(services: () => readonly ServiceDescription[], clock: Clock) {
    this.#services = services;
    this.#clock = clock;
  }

  /** @throws HttpRefusal 404 that names near ones */
  find(service: string, method: string): EndpointDescription {
    const fresh = this.#clock.monotonic() - this.#readAt < FRESH_MS;
    const found = fresh ? this.#known.get(service)?.get(method) : undefined;
    if (found !== undefined) return found;
    this.#read();
    const methods = this.#known.get(service);
    if (methods === undefined)
      throw new HttpRefusal(
        404,
        "NOT_FOUND",
        `no service ${quote(service)} here${suggestion(service.slice(0, 64), this.#known.keys())}`,
      );
    const endpoint = methods.get(method);
    if (endpoint !== undefined) return endpoint;
    throw new HttpRefusal(
      404,
      "UNIMPLEMENTED",
      `${service} has no method ${quote(method)}${suggestion(method.slice(0, 64), methods.keys())}`,
    );
  }

  #read(): void {
    const known = new Map<string, Map<string, EndpointDescription>>();
    for (const { service, endpoints } of this.#services()) {
      const methods = known.get(service) ?? new Map<string, EndpointDescription>();
      for (const endpoint of endpoints) if (!methods.has(endpoint.name)) methods.set(endpoint.name, endpoint);
      known.set(service, methods);
    }
    this.#known = known;
    this.#readAt = this.#clock.monotonic();
  }
}

function quote(name: string): string {
  return JSON.stringify(name.slice(0, 80));
}
