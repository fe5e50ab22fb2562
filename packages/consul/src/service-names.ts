import { serviceNameFault } from "@skein/core/internal";
import type { Meta } from "./meta-record.ts";
import { NAMESPACE_KEY } from "./meta-record.ts";

/** Consul's own servers. */
const OWN = "consul";

/** How services are called in Consul: by their names; those of a namespace `<namespace>--<name>`, so that nobody takes one for another's. */
export class ServiceNames {
  readonly namespace: string | undefined;
  readonly #prefix: string;

  constructor(namespace: string | undefined) {
    this.namespace = namespace;
    this.#prefix = namespace === undefined ? "" : `${namespace}--`;
  }

  inConsul(service: string): string {
    return this.#prefix + service;
  }

  /** Undefined where it is none that we could be asked for. */
  fromConsul(name: string): string | undefined {
    if (name === OWN || !name.startsWith(this.#prefix)) return undefined;
    const service = name.slice(this.#prefix.length);
    return serviceNameFault(service) === undefined ? service : undefined;
  }

  /** `a--b` is b of the namespace a, or another's name: what is said in Meta decides. */
  has(meta: Meta): boolean {
    return meta[NAMESPACE_KEY] === this.namespace;
  }
}
