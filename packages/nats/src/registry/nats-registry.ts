import type { Lease, LeaseOptions, Registry, ServiceSummary, Snapshot } from "@skein/core";
import { SharedWatches, summarize } from "@skein/registry/backend";
import { NatsLease } from "./nats-lease.ts";
import { NatsNode, type NatsNodeOptions } from "./nats-node.ts";

/** The registry over a port to NATS. */
export class NatsRegistry implements Registry {
  readonly name: string;
  readonly #o: NatsNodeOptions;
  readonly #node: NatsNode;
  readonly #watches: SharedWatches;
  readonly #leases = new Set<NatsLease>();
  #closing: Promise<void> | undefined;

  constructor(options: NatsNodeOptions) {
    this.name = options.name;
    this.#o = options;
    this.#node = new NatsNode(options);
    this.#watches = new SharedWatches((service, tell) => this.#node.watch(service, tell));
  }

  get malformed(): number {
    return this.#node.malformed;
  }

  async lease({ ttlMs, signal }: LeaseOptions): Promise<Lease> {
    signal?.throwIfAborted();
    this.#mustBeOpen();
    await this.#node.link.ready(signal);
    signal?.throwIfAborted();
    this.#mustBeOpen();
    const { link, announcer } = this.#node;
    const over = (): boolean => this.#leases.delete(lease);
    const lease: NatsLease = new NatsLease(ttlMs, { link, announcer, runtime: this.#o.runtime }, over);
    this.#leases.add(lease);
    return lease;
  }

  watch(service: string, { signal }: { readonly signal: AbortSignal }): AsyncIterable<Snapshot> {
    return this.#watches.watch(service, signal);
  }

  async get(service: string): Promise<Snapshot> {
    this.#mustBeOpen();
    return this.#node.get(service);
  }

  async list(): Promise<readonly ServiceSummary[]> {
    this.#mustBeOpen();
    return summarize(await this.#node.list());
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
