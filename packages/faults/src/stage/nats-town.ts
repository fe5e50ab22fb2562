import type { Client, ClientOptions } from "skein";
import type { Execution } from "../ledger/records.ts";
import type { LedgerApi } from "../programs/protocol.ts";
import { NatsServerProcess } from "./nats-server.ts";
import type { ServiceProcess } from "./service-process.ts";
import type { Stage, StartOptions } from "./stage.ts";

const SHORT_TTL_MS = 2000;
const DEFAULT_TTL_MS = 30_000;
/** Services that are given no processor for a moment refuse nothing: it is not about overload. */
const PATIENT = { queue: { targetMs: 2000 } } as const;
/** The call by which each client reaches a service. */
const FIRST = "first";
const FIRST_MS = 20_000;
const GONE_MS = 2000;

export interface NatsTownOptions {
  readonly full: boolean;
  /** More lines of the server's configuration. */
  readonly config?: string;
  /** Of its services. */
  readonly settings?: StartOptions;
}

/** Services that have NATS and nothing else, by environment variables: it finds them and it carries the calls. */
export class NatsTown {
  readonly servers: readonly NatsServerProcess[];
  readonly ttlMs: number;
  /** Those that live. */
  readonly services: ServiceProcess[] = [];
  readonly #stage: Stage;
  readonly #settings: StartOptions;
  readonly #clients: Client[] = [];

  private constructor(
    stage: Stage,
    servers: readonly NatsServerProcess[],
    { full, settings = {} }: NatsTownOptions,
  ) {
    this.#stage = stage;
    this.servers = servers;
    this.#settings = settings;
    this.ttlMs = full ? DEFAULT_TTL_MS : SHORT_TTL_MS;
  }

  /** Three services. */
  static async start(stage: Stage, options: NatsTownOptions): Promise<NatsTown> {
    const server = await NatsServerProcess.start(stage, options.config);
    return NatsTown.at(stage, [server], [server, server, server], options);
  }

  /** These servers are one cluster, and clients are told of the first only. `services`: of which server each is told. */
  static async at(
    stage: Stage,
    servers: readonly [NatsServerProcess, ...NatsServerProcess[]],
    services: readonly NatsServerProcess[],
    options: NatsTownOptions,
  ): Promise<NatsTown> {
    const town = new NatsTown(stage, servers, options);
    await Promise.all(services.map(({ url }) => town.join(url)));
    return town;
  }

  /** The first. */
  get server(): NatsServerProcess {
    return this.servers[0] as NatsServerProcess;
  }

  /** For clients. */
  get options(): ClientOptions {
    return { registry: this.server.url, ttl: `${this.ttlMs}ms` };
  }

  /** One more service. */
  async join(url = this.server.url): Promise<ServiceProcess> {
    const env = { SKEIN_REGISTRY: url, SKEIN_LISTEN: "nats://", SKEIN_TTL: `${this.ttlMs}ms` };
    const serve = { ...PATIENT, ...this.#settings.serve };
    const service = await this.#stage.start({ ...this.#settings, serve, env });
    this.services.push(service);
    return service;
  }

  /** Has found and reached a service. */
  async client(options: ClientOptions = {}): Promise<Client> {
    const client = this.#stage.client({ ...this.options, ...options });
    this.#clients.push(client);
    const ledger = client.service<LedgerApi>("ledger", { waitForReady: true, timeoutMs: FIRST_MS });
    await ledger.again({ id: FIRST, ms: 0 });
    return client;
  }

  /** But for those by which clients have reached a service. */
  executions(): Execution[] {
    return this.#stage.executions().filter(({ call }) => call !== FIRST);
  }

  /** Ends all clients and services in order. Returns how many connections the servers have left. */
  async end(): Promise<number> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await Promise.all(this.services.map((service) => service.end("SIGTERM")));
    const left = await Promise.all(this.servers.map((server) => server.left(GONE_MS)));
    return left.reduce((sum, count) => sum + count, 0);
  }
}
