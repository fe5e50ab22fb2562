import { networkInterfaces } from "node:os";
import {
  type AttachedHandlers,
  type CodecFactory,
  createServer,
  type Door,
  type EventsHub,
  type Instance,
  type Listener,
  type Logger,
  type MethodReport,
  type Readiness,
  type Runtime,
  type Server,
  type ServiceDefinition,
  type Transport,
  toDefinition,
} from "@skein/core";
import { createHttpDoor } from "@skein/http";
import { ambient } from "./ambient.ts";
import { Announcer } from "./announcer.ts";
import type { App, AppState } from "./app-contract.ts";
import { advertisedAddress, toUrl } from "./config/advertised.ts";
import type { ServeConfig } from "./config/resolve-config.ts";
import {
  closeDoors,
  type DoorOption,
  type Doors,
  leaveOutside,
  makeDoors,
  openOutside,
} from "./doors/open-doors.ts";
import { OwnHost } from "./doors/own-host.ts";
import type { Events } from "./events/events-map.ts";
import { saidOnFailure } from "./events/said-on-failure.ts";
import { type Checks, createChecks } from "./health.ts";
import { keepAlive } from "./keep-alive.ts";
import { Listeners } from "./listeners.ts";
import type { OpenedRegistry } from "./open-registry.ts";
import { ownRecord } from "./own-record.ts";
import { refuseTwins } from "./refuse-twins.ts";
import { awaitRegistry } from "./registry-wait.ts";
import { dialSelf } from "./self-dial.ts";
import type { ServeOptions } from "./serve-options.ts";
import { asSetup, SetupError } from "./setup-error.ts";
import { closeOnSignal, isExiting } from "./signals.ts";
import { createTransports, transportFor } from "./transports.ts";
import { logUnknownPeers } from "./unknown-peers.ts";

/** What an app is made from. */
export interface AppParts {
  readonly config: ServeConfig;
  readonly options: ServeOptions;
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly opened: OpenedRegistry;
  readonly codecs: readonly CodecFactory[];
  readonly events: EventsHub<Events>;
}

interface Served {
  readonly definition: ServiceDefinition;
  readonly instance: string;
  /** Of events, once they are subscribed. */
  handlers?: AttachedHandlers;
}

const CHECK_MS = 2000;
/** Answers of the HTTP door that are under way when all calls have ended. */
const DOOR_GRACE_MS = 500;
/** As the server's own. */
const GRACE_MS = 10_000;

export class RunningApp implements App {
  state: AppState = "starting";
  address = "";
  readonly events: EventsHub<Events>;
  readonly #p: AppParts;
  readonly #server: Server;
  readonly #transports: readonly Transport[];
  readonly #announcer: Announcer;
  readonly #checks: Checks;
  /** Of readiness. */
  readonly #listeners = new Listeners();
  readonly #host: OwnHost;
  /** As asked for. */
  #doors: Doors = { here: [], outside: [] };
  readonly #healthDoor: Door;
  readonly #startedAt: string;
  #listener: Listener | undefined;
  /** In the order in which they were started. */
  #served: Served[] = [];
  #closing: Promise<void> | undefined;
  #release: readonly (() => void)[] = [];

  constructor(parts: AppParts) {
    this.#p = parts;
    this.events = parts.events;
    const { config, options, runtime, logger, opened, codecs } = parts;
    const { registry } = opened;
    const { interceptors, authenticate, limits, queue, health, context } = options;
    if (context === true) ambient.use();
    this.#server = createServer({
      runtime,
      logger,
      codecs,
      interceptors,
      authenticate,
      limits,
      queue,
      registration: () => this.#announcer.registration,
      contextStore: context === false ? undefined : ambient,
    });
    this.#transports = createTransports(
      options.tls,
      config.nats === undefined ? undefined : { url: config.nats, logger },
    );
    const changed = (): void => this.#listeners.tell();
    this.#announcer = new Announcer({ registry, runtime, logger, ttlMs: config.ttlMs, onLease: changed });
    this.#checks = createChecks({
      checks: health?.checks ?? {},
      timeoutMs: health?.timeoutMs ?? CHECK_MS,
      clock: runtime.clock,
      logger,
      onChange: (ok) => {
        void this.#announcer.setStatus(ok ? "serving" : "not-ready");
        changed();
      },
    });
    this.#host = new OwnHost({
      runtime,
      logger,
      health: {
        live: () => true,
        ready: () => this.ready(),
        onChange: (told) => this.#listeners.add(told),
      },
      accept: (connection) => this.#server.accept(connection),
    });
    this.#healthDoor = createHttpDoor(this.#host);
    this.#startedAt = new Date(runtime.clock.now()).toISOString();
  }

  /** Rejects when it cannot be; nothing is left behind then. */
  async start(targets: readonly object[]): Promise<void> {
    this.#release = [
      keepAlive(),
      ...(this.#p.options.signals === false ? [] : [closeOnSignal((signal) => this.#onSignal(signal))]),
    ];
    try {
      await this.#start(await asSetup(() => targets.map(toDefinition)));
    } catch (error) {
      await this.close();
      // The process is about to exit as it was told to: nobody needs to hear that the start failed.
      if (isExiting()) await new Promise(() => {});
      throw error;
    }
  }

  async #start(definitions: readonly ServiceDefinition[]): Promise<void> {
    refuseTwins(definitions);
    await asSetup(() => this.#p.opened.check());
    const onNats = this.#p.config.listen.scheme === "nats";
    const doors: readonly DoorOption[] = this.#p.options.doors ?? (onNats ? ["nats-micro"] : []);
    this.#doors = await makeDoors(doors, this.#host, this.#p.config);
    if (onNats && this.#doors.here.length > 0)
      throw new SetupError("option doors: other protocols need a port, and it listens on NATS");
    await this.#listen();
    const added: Served[] = [];
    for (const definition of definitions) added.push(await this.#startService(definition));
    await this.#dialSelf(added[0]);
    await this.#checkOnce();
    this.#alive();
    this.#enter("serving");
    await openOutside(this.#doors);
    this.#alive();
    await Promise.all(added.map((served) => this.#listenToEvents(served)));
    this.#alive();
    await awaitRegistry(Promise.all(added.map((served) => this.#announce(served))), this.#p.config.wait, {
      registry: this.#p.opened.registry.name,
      runtime: this.#p.runtime,
      logger: this.#p.logger,
      lastError: () => this.#announcer.lastError,
    });
    this.#alive();
    this.#checks.start();
    this.#say(added);
  }

  async #listenToEvents(served: Served): Promise<void> {
    const { name, handlers = [] } = served.definition;
    if (handlers.length > 0) served.handlers = await asSetup(() => this.events.attach(name, handlers));
  }

  #enter(state: AppState): void {
    this.state = state;
    this.#listeners.tell();
  }

  async #listen(): Promise<void> {
    const { config, runtime, logger } = this.#p;
    const url = toUrl(config.listen);
    const { here } = this.#doors;
    const spoken = here.some(({ protocol }) => protocol === "http");
    const doors = spoken ? here : [...here, this.#healthDoor];
    this.#listener = await asSetup(() =>
      transportFor(url, this.#transports).listen(url, (connection) => this.#server.accept(connection), {
        doors,
        onUnknown: logUnknownPeers(logger, runtime.clock),
      }),
    );
    this.address = advertisedAddress(config, this.#listener.address, networkInterfaces);
  }

  #offer(): void {
    this.#host.set(this.#served);
    this.#listeners.tell();
  }

  /** Nobody can call a service before its onStart has ended, and what comes `before`; it is stopped when that fails. */
  async #startService(
    definition: ServiceDefinition,
    before?: (served: Served) => Promise<void>,
  ): Promise<Served> {
    const { runtime, logger } = this.#p;
    for (const warning of definition.warnings) logger.warn({ service: definition.name }, warning);
    this.#alive();
    await definition.onStart?.();
    const served = { definition, instance: runtime.uniqueId() };
    await before?.(served).catch(async (error: unknown) => {
      await this.#stopService(definition);
      throw error;
    });
    this.#served.push(served);
    this.#alive();
    this.#server.add(definition, served.instance);
    this.#offer();
    return served;
  }

  async #dialSelf(served: Served | undefined): Promise<void> {
    if (served === undefined) return;
    const { config, options, runtime, logger, codecs } = this.#p;
    await dialSelf({
      mode: options.selfDial ?? (config.advertise === undefined ? "require" : "warn"),
      runtime,
      logger,
      codecs,
      transports: this.#transports,
      address: this.address,
      service: served.definition.name,
      instance: served.instance,
    });
  }

  /** An instance whose checks fail at start is announced as not ready. */
  async #checkOnce(): Promise<void> {
    const { ok } = await this.#checks.results();
    if (!ok) await this.#announcer.setStatus("not-ready");
  }

  async #announce({ definition, instance }: Served): Promise<Instance> {
    const announced = this.#announcer.add(
      ownRecord({
        definition,
        id: instance,
        startedAt: this.#startedAt,
        address: this.address,
        doors: this.#doors.here.map(({ protocol }) => protocol),
        options: this.#p.options,
      }),
    );
    // Until the registry has it, we are not ready.
    this.#listeners.tell();
    return await announced;
  }

  /** A signal may have come in the middle of starting. */
  #alive(): void {
    if (this.#closing !== undefined) throw new SetupError("it was closed while it started");
  }

  #say(added: readonly Served[]): void {
    const { logger, opened } = this.#p;
    const { name } = opened.registry;
    const services = added.map(({ definition: d }) => `${d.name} ${d.version}`);
    const where = {
      none: `not announced: ${name} is read-only`,
      held: `announced in ${name}`,
      lost: `not announced yet in ${name}`,
    }[this.#announcer.lease === "held" ? "held" : this.#announcer.lease === undefined ? "none" : "lost"];
    const what = services.join(", ") || "nothing yet";
    logger.info(
      { address: this.address, services, registry: name },
      `serving ${what} at ${this.address}, ${where}`,
    );
  }

  services(): readonly Instance[] {
    return this.#announcer.instances;
  }

  report(): readonly MethodReport[] {
    return this.#server.report();
  }

  async add(target: object): Promise<Instance> {
    if (this.state !== "serving") throw new Error(`nothing can be added: the app is ${this.state}`);
    const definition = toDefinition(target);
    refuseTwins([...this.#served.map((s) => s.definition), definition]);
    const served = await this.#startService(definition, (one) => this.#listenToEvents(one));
    const announced = await this.#announce(served);
    this.#say([served]);
    return announced;
  }

  async remove(name: string): Promise<void> {
    const leaving = this.#served.filter(({ definition }) => definition.name === name);
    if (leaving.length === 0) {
      const names = this.#served.map(({ definition }) => definition.name).join(", ") || "nothing";
      throw new Error(`service ${name} is not served here: ${names} is`);
    }
    this.#served = this.#served.filter((served) => !leaving.includes(served));
    await leaveOutside(this.#doors, this.#p.logger, name);
    this.#offer();
    const { graceMs = GRACE_MS } = this.#p.options;
    const handled = Promise.all(leaving.map(({ handlers }) => handlers?.drain(graceMs)));
    await Promise.all(leaving.map(({ instance }) => this.#announcer.remove(instance)));
    await Promise.all([this.#server.remove(name, { graceMs }), handled]);
    for (const { definition } of leaving) await this.#stopService(definition);
    this.#p.logger.info({ service: name, address: this.address }, `no longer serving ${name}`);
  }

  async ready(): Promise<Readiness> {
    const { ok, checks } = await this.#checks.results();
    const state = { ok: this.state === "serving", reason: this.state };
    const { lease, instances } = this.#announcer;
    const asked = lease !== undefined && this.#p.options.health?.lease !== false;
    const held = lease === "held" || instances.length === 0;
    return {
      ok: ok && state.ok && (held || !asked),
      checks: {
        ...checks,
        ...(!state.ok && { state }),
        ...(asked && { lease: held ? { ok: true } : { ok: false, reason: "not held" } }),
      },
    };
  }

  async #onSignal(signal: string): Promise<void> {
    this.#p.logger.info(
      { signal, address: this.address, running: this.#server.running },
      `${signal}: draining`,
    );
    await this.close();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { options, opened, logger } = this.#p;
    const wasServing = this.state === "serving";
    this.#enter("draining");
    this.#checks.stop();
    const handled = saidOnFailure(this.events.drain(options.graceMs ?? GRACE_MS), logger);
    await Promise.all([this.#announcer.close(), leaveOutside(this.#doors, logger)]);
    this.#host.drain();
    await this.#server.drain({ graceMs: options.graceMs });
    await this.#listener?.close();
    await closeDoors([...this.#doors.here, ...this.#doors.outside, this.#healthDoor], DOOR_GRACE_MS, logger);
    await this.#host.close();
    await handled;
    for (const { definition } of this.#served.reverse()) await this.#stopService(definition);
    await saidOnFailure(this.events.close(0), logger);
    await opened.close();
    this.#enter("closed");
    for (const release of this.#release) release();
    if (wasServing) logger.info({ address: this.address }, "closed");
  }

  async #stopService({ name, onStop }: ServiceDefinition): Promise<void> {
    try {
      await onStop?.();
    } catch (error) {
      this.#p.logger.error({ service: name, err: error }, "onStop failed");
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
