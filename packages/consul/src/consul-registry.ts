import type {
  Instance,
  Lease,
  LeaseOptions,
  Logger,
  Registry,
  Runtime,
  ServiceSummary,
  Snapshot,
} from "@skein/core";
import { askAgain, Malformed, SharedWatches, type StartWatch, summarize } from "@skein/registry/backend";
import { AgentServices } from "./agent-services.ts";
import { ConsulClient } from "./consul-client.ts";
import { ConsulLease } from "./consul-lease.ts";
import { type ConsulTarget, LEAST_DEREGISTER_MS } from "./consul-url.ts";
import { askHealth, blockingAsk, type HealthAnswer, pollingAsk } from "./consul-watch.ts";
import { type FoundInstances, instancesIn } from "./health-entries.ts";
import { ServiceNames } from "./service-names.ts";

export interface ConsulRegistryOptions {
  readonly target: ConsulTarget;
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly namespace: string | undefined;
  readonly ttlMs?: number | undefined;
}

/** The registry over an agent's HTTP API. */
export class ConsulRegistry implements Registry {
  readonly name: string;
  readonly #o: ConsulRegistryOptions;
  readonly #names: ServiceNames;
  readonly #client: ConsulClient;
  readonly #agent: AgentServices;
  readonly #watches: SharedWatches;
  readonly #malformed: Malformed;
  readonly #leases = new Set<ConsulLease>();
  readonly #deregisterMs: number;
  #closing: Promise<void> | undefined;

  constructor(options: ConsulRegistryOptions) {
    const { target, runtime, logger } = options;
    this.name = target.name;
    this.#o = options;
    this.#names = new ServiceNames(options.namespace);
    this.#client = new ConsulClient(target, runtime);
    this.#agent = new AgentServices(this.#client, runtime, target.timeoutMs);
    this.#malformed = new Malformed(logger);
    this.#watches = new SharedWatches((service, tell) => this.#follow(service)(service, tell));
    this.#deregisterMs = Math.max(LEAST_DEREGISTER_MS, target.deregisterMs);
    if (target.deregisterMs < LEAST_DEREGISTER_MS)
      logger.warn(
        { registry: this.name, deregisterMs: target.deregisterMs, used: LEAST_DEREGISTER_MS },
        "deregisterAfter is less than Consul's minimum: raised",
      );
  }

  get malformed(): number {
    return this.#malformed.count;
  }

  async lease({ ttlMs, signal }: LeaseOptions): Promise<Lease> {
    signal?.throwIfAborted();
    this.#mustBeOpen();
    await this.#agent.ready(signal);
    signal?.throwIfAborted();
    this.#mustBeOpen();
    const lease: ConsulLease = new ConsulLease({
      ttlMs,
      names: this.#names,
      check: this.#o.target.check,
      deregisterMs: this.#deregisterMs,
      agent: this.#agent,
      runtime: this.#o.runtime,
      put: (id) => {
        this.#leases.add(lease);
        for (const other of this.#leases) if (other !== lease) other.superseded(id);
      },
      over: () => void this.#leases.delete(lease),
    });
    this.#leases.add(lease);
    return lease;
  }

  watch(service: string, { signal }: { readonly signal: AbortSignal }): AsyncIterable<Snapshot> {
    return this.#watches.watch(service, signal);
  }

  #follow(service: string): StartWatch {
    const { target, runtime, ttlMs } = this.#o;
    const name = this.#names.inConsul(service);
    const read = (answer: HealthAnswer): Snapshot => this.#snapshot(service, answer);
    const ask =
      target.pollMs === undefined
        ? blockingAsk(this.#client, name, read)
        : pollingAsk(this.#client, name, target.pollMs, read);
    return askAgain({ runtime, ttlMs, ask: (_service, _known, signal) => ask(signal) });
  }

  #snapshot(service: string, { entries, index }: HealthAnswer): Snapshot {
    const { instances, malformed } = instancesIn(entries, service, this.#names);
    const under = `${this.#names.inConsul(service)}/`;
    this.#malformed.seen(malformed, (key) => key.startsWith(under));
    return { instances, revision: index };
  }

  async get(service: string): Promise<Snapshot> {
    this.#mustBeOpen();
    const answer = await askHealth(this.#client, this.#names.inConsul(service), { lane: "read" });
    return this.#snapshot(service, answer);
  }

  /** One question for the names, and one for each service. */
  async list(): Promise<readonly ServiceSummary[]> {
    this.#mustBeOpen();
    const { body } = await this.#client.ask({ path: "/v1/catalog/services", lane: "read" });
    if (typeof body !== "object" || body === null || Array.isArray(body))
      throw new Error(`${this.name}: GET /v1/catalog/services: the answer is no map of services`);
    const found: FoundInstances[] = [];
    for (const name of Object.keys(body)) {
      const service = this.#names.fromConsul(name);
      if (service === undefined) continue;
      const { entries } = await askHealth(this.#client, name, { lane: "read" });
      found.push(instancesIn(entries, service, this.#names));
    }
    this.#malformed.seen(new Map(found.flatMap(({ malformed }) => [...malformed])));
    return summarize(found.flatMap(({ instances }): readonly Instance[] => instances));
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
    // What cannot be deregistered ends with its TTL.
    await Promise.allSettled([...this.#leases].map((lease) => lease.release()));
    this.#client.close();
  }
}
