import type { Client, DoorConnection, DoorHost, Logger, ServiceDescription } from "skein";
import { ClientPool } from "./client-pool.ts";
import { KnownServices } from "./known-services.ts";

export interface GatewayHostOptions {
  readonly runtime: DoorHost["runtime"];
  readonly logger: Logger;
  /** Makes a client of the registry. */
  readonly openClient: (credentials: string | undefined) => Client;
  /** Credentials of the gateway itself, to ask services what they offer. Calls never have them. */
  readonly credentials: string | undefined;
  /** Only these services. Undefined: all. */
  readonly only: readonly string[] | undefined;
}

/** Leads doors to the services of a registry. */
export class GatewayHost implements DoorHost {
  readonly runtime: DoorHost["runtime"];
  readonly logger: Logger;
  readonly health: DoorHost["health"];
  readonly #draining = new AbortController();
  readonly #listeners = new Set<() => void>();
  readonly #pool: ClientPool;
  readonly #own: Client;
  readonly #known: KnownServices;

  constructor({ runtime, logger, openClient, credentials, only }: GatewayHostOptions) {
    this.runtime = runtime;
    this.logger = logger;
    this.#pool = new ClientPool(openClient);
    this.#own = openClient(credentials);
    const onListed = (): void => this.#tell();
    this.#known = new KnownServices({ client: this.#own, clock: runtime.clock, logger, only, onListed });
    this.health = {
      live: () => true,
      ready: async () => ({
        ok: this.#known.listed && !this.draining.aborted,
        checks: {
          registry: this.#known.listed ? { ok: true } : { ok: false, reason: "not heard of yet" },
          ...(this.draining.aborted && { state: { ok: false, reason: "draining" } }),
        },
      }),
      onChange: (told) => {
        this.#listeners.add(told);
        return () => void this.#listeners.delete(told);
      },
    };
  }

  get draining(): AbortSignal {
    return this.#draining.signal;
  }

  /** Not ready any more, and peers are told to leave. */
  drain(): void {
    this.#draining.abort();
    this.#tell();
  }

  #tell(): void {
    for (const told of [...this.#listeners]) told();
  }

  /** Resolves once the registry was asked for the first time, whether it answered or not. */
  start(): Promise<void> {
    return this.#known.start();
  }

  services(): readonly ServiceDescription[] {
    return this.#known.descriptions;
  }

  /** The door cancels its calls itself: what a connection gives back is its share of a client. */
  connect(_peer: string, credentials?: string): DoorConnection {
    let taken: ReturnType<ClientPool["take"]> | undefined;
    const pool = this.#pool;
    return {
      get client() {
        taken ??= pool.take(credentials);
        // Doors know no service by its type, whatever the program has declared.
        return taken.client as unknown as DoorConnection["client"];
      },
      close: () => taken?.release(),
    };
  }

  async close(): Promise<void> {
    this.#known.stop();
    await Promise.all([this.#own.close(), this.#pool.close()]);
  }
}
