import type { Lease, LeaseOptions, Logger, Registry, Runtime, ServiceSummary, Snapshot } from "@skein/core";
import { SharedWatches, summarize } from "@skein/registry/backend";
import { MdnsLease } from "./mdns-lease.ts";
import { MdnsNode } from "./mdns-node.ts";
import type { Medium } from "./medium.ts";
import type { Layout } from "./records/layout.ts";

export interface MdnsRegistryOptions {
  readonly name: string;
  readonly layouts: readonly Layout[];
  readonly medium: Medium;
  readonly runtime: Runtime;
  readonly logger: Logger;
}

/** The registry over a medium. */
export class MdnsRegistry implements Registry {
  readonly name: string;
  readonly #o: MdnsRegistryOptions;
  readonly #node: MdnsNode;
  readonly #watches: SharedWatches;
  readonly #leases = new Set<MdnsLease>();
  #closing: Promise<void> | undefined;

  constructor(options: MdnsRegistryOptions) {
    this.name = options.name;
    this.#o = options;
    this.#node = new MdnsNode(options);
    this.#watches = new SharedWatches((service, tell) => this.#node.watch(service, tell));
  }

  get malformed(): number {
    return this.#node.malformed;
  }

  check(): Promise<void> {
    return this.#o.medium.check();
  }

  async lease({ ttlMs, signal }: LeaseOptions): Promise<Lease> {
    signal?.throwIfAborted();
    this.#mustBeOpen();
    await this.#o.medium.open();
    signal?.throwIfAborted();
    this.#mustBeOpen();
    const over = (): boolean => this.#leases.delete(lease);
    const lease: MdnsLease = new MdnsLease(ttlMs, this.#node, this.#o.runtime, over);
    this.#leases.add(lease);
    return lease;
  }

  watch(service: string, { signal }: { readonly signal: AbortSignal }): AsyncIterable<Snapshot> {
    return this.#watches.watch(service, signal);
  }

  async get(service: string): Promise<Snapshot> {
    this.#mustBeOpen();
    await this.#node.look(this.#o.layouts.map((layout) => layout.serviceQuestion(service)));
    return this.#node.snapshot(service);
  }

  async list(): Promise<readonly ServiceSummary[]> {
    this.#mustBeOpen();
    const { layouts } = this.#o;
    const { cache } = this.#node;
    await this.#node.look(layouts.map((layout) => layout.listQuestion));
    const named = layouts.flatMap((layout) =>
      cache.listed.filter((l) => l.layout === layout).map((l) => layout.serviceQuestion(l.service)),
    );
    if (named.length > 0) await this.#node.look(named);
    return summarize(cache.services.flatMap((service) => cache.instances(service)));
  }

  #mustBeOpen(): void {
    if (this.#closing !== undefined) throw new Error(`the registry ${this.name} is closed`);
  }

  close(): Promise<void> {
    this.#closing ??= Promise.resolve().then(() => this.#close());
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#watches.close();
    // What cannot be said ends with its TTL.
    await Promise.allSettled([...this.#leases].map((lease) => lease.release()));
    await this.#node.close();
  }
}
