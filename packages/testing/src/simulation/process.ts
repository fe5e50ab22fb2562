import { msgpack } from "@skein/codec";
import {
  type Client,
  createClient,
  createLeaseKeeper,
  createServer,
  type Instance,
  type LeaseKeeper,
  type Listener,
  type Logger,
  type Server,
  type ServiceDefinition,
  toDefinition,
} from "@skein/core";
import { p2c } from "@skein/selector";
import { ambient } from "skein/internal";
import type { Ledger } from "./ledger.ts";
import { Machine } from "./machine.ts";
import type { Network } from "./network.ts";
import type { SimulatedPorts, SimulatedService, SimulationOptions } from "./options.ts";
import { createRegistryPort } from "./registry-port.ts";
import type { RegistryStore } from "./registry-store.ts";
import type { Scheduler } from "./scheduler.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { Trace } from "./trace.ts";

/** What all processes of a world share. */
export interface Surroundings {
  readonly options: SimulationOptions;
  readonly ttlMs: number;
  readonly scheduler: Scheduler;
  readonly trace: Trace;
  readonly network: Network;
  readonly store: RegistryStore;
  readonly ledger: Ledger;
  readonly onError: (machine: Machine, error: unknown) => void;
}

/** A process: a machine, its ports, its client. */
export class Process implements SimulatedProcess {
  readonly name: string;
  readonly machine: Machine;
  readonly ports: SimulatedPorts;
  readonly logger: Logger;
  readonly #world: Surroundings;
  readonly #registry: { readonly watches: number };
  #client: Client | undefined;

  constructor(world: Surroundings, name: string, host: string) {
    const { options, scheduler, network, store, onError } = world;
    const { seed } = options;
    this.#world = world;
    this.name = name;
    this.machine = new Machine({ name, host, seed, scheduler, onError });
    const registry = createRegistryPort({ seed, scheduler, network, store, machine: this.machine });
    const ports = { transport: network.transport(this.machine), registry };
    this.#registry = registry;
    this.ports = options.ports?.(ports, name) ?? ports;
    this.logger = createTraceLogger(world.trace, name);
  }

  now(): number {
    return this.#world.scheduler.now;
  }
  sleep(ms: number): Promise<void> {
    return this.machine.sleep(ms);
  }
  random(): number {
    return this.machine.random.next();
  }
  log(text: string): void {
    this.#world.trace.add(this.name, text);
  }

  get client(): Client {
    this.#client ??= this.#createClient();
    return this.#client;
  }
  get service(): Client["service"] {
    const { client } = this;
    return client.service.bind(client) as Client["service"];
  }
  #createClient(): Client {
    const { options, ttlMs, ledger } = this.#world;
    const { clientOptions } = options;
    const { transport, registry } = this.ports;
    return createClient({
      runtime: this.machine.runtime,
      logger: this.logger,
      registry,
      transports: [transport],
      codecs: [msgpack],
      selector: p2c,
      contextStore: ambient,
      ttlMs,
      ...clientOptions,
      interceptors: [ledger.caller(this.machine), ...(clientOptions?.interceptors ?? [])],
    });
  }

  async closeClient(): Promise<void> {
    await this.#client?.close();
  }

  /** What should be gone once it has closed everything. */
  leftovers(): string[] {
    const { machine } = this;
    const { watches } = this.#registry;
    return [
      ...(machine.timers > 0 ? [`${this.name} still has ${machine.timers} timers`] : []),
      ...(watches > 0 ? [`${this.name} still has ${watches} watches of the registry`] : []),
    ];
  }
}

const GRACE_MS = 10_000;
/** Deregistering may take so long; then the records end with their TTL. */
const DEREGISTER_MS = 2000;

/** What a process serves, from its start to its end. */
export class Serving {
  readonly process: Process;
  /** Its names, once it serves. */
  definitions: readonly ServiceDefinition[] = [];
  instances: readonly Instance[] = [];
  /** It was told to stop. */
  stopping = false;
  readonly #server: Server;
  readonly #keeper: LeaseKeeper;
  #listener: Listener | undefined;

  constructor(world: Surroundings, process: Process, service: SimulatedService) {
    const { runtime } = process.machine;
    const { logger } = process;
    const { serverOptions } = service;
    this.process = process;
    this.#server = createServer({
      runtime,
      logger,
      codecs: [msgpack],
      contextStore: ambient,
      ...serverOptions,
      interceptors: [...(serverOptions?.interceptors ?? []), world.ledger.server(process.machine)],
    });
    this.#keeper = createLeaseKeeper({
      registry: process.ports.registry,
      runtime,
      logger,
      ttlMs: world.ttlMs,
    });
  }

  /** In the registry, as far as it knows, and not about to leave. */
  get well(): boolean {
    return !this.stopping && this.#keeper.state === "held";
  }

  async start(service: SimulatedService): Promise<void> {
    const { process } = this;
    const served = service.start(process);
    this.definitions = (Array.isArray(served) ? served : [served]).map((one: object) => toDefinition(one));
    for (const definition of this.definitions) await definition.onStart?.();
    const listener = await process.ports.transport.listen("sim:", (connection) =>
      this.#server.accept(connection),
    );
    this.#listener = listener;
    this.instances = this.definitions.map((definition) => this.#announce(definition, listener.address));
    await Promise.all(this.instances.map((instance) => this.#keeper.put(instance)));
  }

  #announce(definition: ServiceDefinition, url: string): Instance {
    const { runtime } = this.process.machine;
    const id = runtime.uniqueId();
    this.#server.add(definition, id);
    return {
      service: definition.name,
      version: definition.version,
      id,
      addresses: [{ protocol: "skein", url }],
      weight: 1,
      status: "serving",
      startedAt: new Date(runtime.clock.now()).toISOString(),
      metadata: {},
    };
  }

  /** As on SIGTERM. */
  async stop(): Promise<void> {
    this.stopping = true;
    const told = this.instances.map((instance) =>
      this.#keeper.put({ ...instance, status: "draining" }).catch(() => {}),
    );
    if (this.#keeper.state === "held")
      await Promise.race([Promise.all(told), this.process.sleep(DEREGISTER_MS)]);
    await this.#keeper.close(DEREGISTER_MS);
    await this.#server.drain({ graceMs: GRACE_MS });
    await this.#listener?.close();
    for (const definition of this.definitions) await definition.onStop?.();
    await this.process.closeClient();
  }

  leftovers(): string[] {
    const { name } = this.process;
    const { running, connections } = this.#server;
    return [
      ...(running > 0 ? [`${name} still runs ${running} calls`] : []),
      ...(connections > 0 ? [`${name} still has ${connections} connections`] : []),
      ...this.process.leftovers(),
    ];
  }
}

function createTraceLogger(trace: Trace, name: string): Logger {
  const line = (level: string) => (fields: object, message: string) => {
    const { instance, err, reason } = fields as Record<string, unknown>;
    const more = [instance, reason, err instanceof Error ? err.message : err];
    const known = more.filter((one) => one !== undefined).map(String);
    trace.add(name, `${level}: ${message}${known.length > 0 ? ` (${known.join(", ")})` : ""}`);
  };
  const logger: Logger = {
    debug: () => {},
    info: line("info"),
    warn: line("warn"),
    error: line("error"),
    child: () => logger,
  };
  return logger;
}
