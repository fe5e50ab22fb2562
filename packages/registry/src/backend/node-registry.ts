import type { Instance, Lease, LeaseOptions, Registry, ServiceSummary, Snapshot } from "@skein/core";
import { summarize } from "../summary.ts";
import { SharedWatches, type WatchTeller } from "./shared-watches.ts";

/** What one registry of a process does on its medium or server: see NodeRegistry. */
export interface RegistryNode {
  readonly malformed: number;
  /** As of a registry. */
  check?(): Promise<void>;
  /** @param over called when it is released, or known to be lost */
  lease(ttlMs: number, signal: AbortSignal | undefined, over: () => void): Promise<Lease>;
  /** As StartWatch. */
  watch(service: string, tell: WatchTeller): () => void;
  get(service: string): Promise<Snapshot>;
  /** All there are. */
  list(): Promise<readonly Instance[]>;
  close(): Promise<void>;
}

/** A registry over a node: it shares watches, releases leases when it is closed, and refuses what comes afterwards. */
export class NodeRegistry implements Registry {
  readonly name: string;
  readonly #node: RegistryNode;
  readonly #watches: SharedWatches;
  readonly #leases = new Set<Lease>();
  #closing: Promise<void> | undefined;

  constructor(name: string, node: RegistryNode) {
    this.name = name;
    this.#node = node;
    this.#watches = new SharedWatches((service, tell) => node.watch(service, tell));
  }

  get malformed(): number {
    return this.#node.malformed;
  }

  async check(): Promise<void> {
    await this.#node.check?.();
  }

  async lease({ ttlMs, signal }: LeaseOptions): Promise<Lease> {
    signal?.throwIfAborted();
    this.#mustBeOpen();
    let over = false;
    const lease: Lease = await this.#node.lease(ttlMs, signal, () => {
      over = true;
      this.#leases.delete(lease);
    });
    if (signal?.aborted === true || this.#closing !== undefined) {
      await lease.release();
      signal?.throwIfAborted();
      this.#mustBeOpen();
    }
    if (!over) this.#leases.add(lease);
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
    // What cannot be taken back ends with its TTL.
    await Promise.allSettled([...this.#leases].map((lease) => lease.release()));
    await this.#node.close();
  }
}
