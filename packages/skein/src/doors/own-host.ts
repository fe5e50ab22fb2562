import { msgpack } from "@skein/codec";
import {
  type Client,
  type Connection,
  createClient,
  type DoorConnection,
  type DoorHost,
  type HealthSource,
  type Instance,
  type Logger,
  type Runtime,
  type ServiceDefinition,
  type ServiceDescription,
  silentLogger,
  type Transport,
} from "@skein/core";
import { describeService } from "@skein/core/internal";
import { pickFirst } from "@skein/selector";
import { memoryPair } from "@skein/transport";
import { OwnServices } from "./own-services.ts";

export interface OwnHostOptions {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly health: HealthSource;
  /** Takes over a connection, as if it had come from outside. */
  readonly accept: (connection: Connection) => void;
}

export interface OwnService {
  readonly definition: ServiceDefinition;
  /** The instance's id. */
  readonly instance: string;
}

const SCHEME = "within";

/** Leads doors to the services of this process: each of their connections is one of ours, made in memory. */
export class OwnHost implements DoorHost {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly health: HealthSource;
  readonly #accept: (connection: Connection) => void;
  readonly #draining = new AbortController();
  readonly #own = new OwnServices();
  #services: readonly OwnService[] = [];
  readonly #open = new Set<Client>();
  readonly #described = new WeakMap<ServiceDefinition, ServiceDescription>();
  readonly #ids = new WeakMap<ServiceDescription, string>();

  constructor({ runtime, logger, health, accept }: OwnHostOptions) {
    this.runtime = runtime;
    this.logger = logger;
    this.health = health;
    this.#accept = accept;
  }

  get draining(): AbortSignal {
    return this.#draining.signal;
  }

  /** Peers of doors are told to leave. Idempotent. */
  drain(): void {
    this.#draining.abort();
  }

  /** What is served from now on. */
  set(services: readonly OwnService[]): void {
    this.#services = services;
    this.#own.set(services.map(toInstance));
  }

  services(): readonly ServiceDescription[] {
    return this.#services.map(({ definition, instance }) => {
      const known = this.#described.get(definition) ?? describeService(definition);
      this.#described.set(definition, known);
      this.#ids.set(known, instance);
      return known;
    });
  }

  instanceOf(service: ServiceDescription): string | undefined {
    return this.#ids.get(service);
  }

  connect(peer: string, credentials?: string): DoorConnection {
    let made: Client | undefined;
    let closed = false;
    const { runtime } = this;
    const make = (): Client => {
      const client = createClient({
        runtime,
        logger: silentLogger,
        registry: this.#own,
        transports: [this.#transport(peer)],
        codecs: [msgpack],
        selector: pickFirst,
        credentials,
        // Whoever is behind the door decides what is tried again.
        retries: false,
      });
      if (closed) void client.close();
      else this.#open.add(client);
      return client;
    };
    return {
      get client() {
        made ??= make();
        return made;
      },
      close: () => {
        closed = true;
        if (made === undefined) return;
        this.#open.delete(made);
        void made.close();
      },
    };
  }

  #transport(peer: string): Transport {
    return {
      scheme: SCHEME,
      dial: async () => {
        const [near, far] = memoryPair(this.runtime, "this process", peer);
        this.#accept(far);
        return near;
      },
      listen: () => Promise.reject(new Error("nothing listens within a process")),
    };
  }

  /** Calls in flight are cancelled. */
  async close(): Promise<void> {
    const open = [...this.#open];
    this.#open.clear();
    await Promise.all(open.map((client) => client.close()));
  }
}

function toInstance({ definition: { name, version }, instance }: OwnService): Instance {
  return {
    service: name,
    version,
    id: instance,
    addresses: [{ protocol: "skein", url: `${SCHEME}:${instance}` }],
    weight: 1,
    status: "serving",
    startedAt: "",
    metadata: {},
  };
}
