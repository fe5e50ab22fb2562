import {
  type Client,
  type Clock,
  type Logger,
  RpcError,
  type ServiceDescription,
  type Snapshot,
} from "skein";

/** Registries tell of a service's instances, not of new services: those are asked for this often, in ms. */
const LOOK_MS = 1000;
const DESCRIBE_MS = 2000;
const DESCRIBE = "$describe";

interface Known {
  description: ServiceDescription | undefined;
  /** Its instances, as last described and as last seen. */
  described: string;
  seen: string;
  /** Whether the registry still lists it. */
  listed: boolean;
}

export interface KnownServicesOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Only these. Undefined: all. */
  readonly only: readonly string[] | undefined;
  /** The registry has answered for the first time. */
  readonly onListed: () => void;
}

/**
 * What the services of a registry offer, asked of an instance of each when it appears and whenever its instances change. A service that has left the
 * registry stays known while it answers: a registry that lost its memory does not take away what works.
 */
export class KnownServices {
  readonly #o: KnownServicesOptions;
  readonly #known = new Map<string, Known>();
  #stopped = false;
  #next: { cancel(): void } | undefined;
  #lastFault = "";
  /** Whether the registry has answered once. */
  listed = false;

  constructor(options: KnownServicesOptions) {
    this.#o = options;
  }

  get descriptions(): readonly ServiceDescription[] {
    return [...this.#known.values()].map((known) => known.description).filter((known) => known !== undefined);
  }

  /** Looks once; resolves when that is done, and goes on looking. */
  async start(): Promise<void> {
    try {
      await this.#look();
    } finally {
      if (!this.#stopped) this.#next = this.#o.clock.setTimer(LOOK_MS, () => void this.start());
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#next?.cancel();
  }

  async #look(): Promise<void> {
    const { client, logger, only } = this.#o;
    try {
      const all = (await client.list()).map(({ name }) => name);
      this.#listed(only === undefined ? all : all.filter((name) => only.includes(name)));
      const first = !this.listed;
      this.listed = true;
      if (first) this.#o.onListed();
      this.#lastFault = "";
    } catch (error) {
      const fault = error instanceof Error ? error.message : String(error);
      if (fault !== this.#lastFault && !this.#stopped)
        logger.warn(
          { err: error },
          "the registry did not say which services there are: those known are kept",
        );
      this.#lastFault = fault;
    }
    await Promise.all([...this.#known].map(([name, known]) => this.#refresh(name, known)));
  }

  #listed(names: readonly string[]): void {
    for (const [name, known] of this.#known) known.listed = names.includes(name);
    for (const name of names) {
      if (this.#known.has(name)) continue;
      const known: Known = { description: undefined, described: "", seen: "", listed: true };
      this.#known.set(name, known);
      void this.#watch(name, known);
    }
  }

  /** Ends with the client. */
  async #watch(name: string, known: Known): Promise<void> {
    try {
      for await (const snapshot of this.#o.client.watch(name)) {
        if (this.#stopped || this.#known.get(name) !== known) return;
        known.seen = fingerprint(snapshot);
      }
    } catch (error) {
      if (this.#stopped) return;
      this.#o.logger.warn({ service: name, err: error }, `${name} is no longer watched`);
      if (this.#known.get(name) === known) this.#known.delete(name);
    }
  }

  async #refresh(name: string, known: Known): Promise<void> {
    const { seen } = known;
    if (known.listed && known.description !== undefined && known.described === seen) return;
    try {
      known.description = await this.#describe(name);
      known.described = seen;
    } catch (error) {
      if (this.#stopped) return;
      if (!known.listed) return void this.#known.delete(name);
      const fault = RpcError.from(error);
      this.#o.logger.debug({ service: name, code: fault.code }, `${name} could not be asked what it offers`);
    }
  }

  async #describe(name: string): Promise<ServiceDescription> {
    const service = this.#o.client.service<unknown>(name) as unknown as {
      call(method: string, input: undefined, options: object): Promise<ServiceDescription>;
    };
    const answer = await service.call(DESCRIBE, undefined, { timeoutMs: DESCRIBE_MS });
    if (!Array.isArray(answer?.endpoints))
      throw new Error(`${name} answered ${DESCRIBE} with something else`);
    return answer;
  }
}

function fingerprint({ instances }: Snapshot): string {
  return instances
    .map(({ id }) => id)
    .sort()
    .join();
}
