import type { DoorHost, OutsideDoor, OutsideDoorFactory, Readiness, ServiceDescription } from "@skein/core";
import { DoorCallers, refuseUnknown } from "@skein/core/internal";
import { CONNECT_MS } from "../limits.ts";
import { connectNats } from "../nats-client.ts";
import type { NatsPort, NatsPortEvents } from "../nats-port.ts";
import { type NatsTarget, parseNatsUrl } from "../nats-url.ts";
import { atMost } from "../pauses.ts";
import { isSubject } from "../subjects.ts";
import type { EndpointPorts } from "./served-endpoint.ts";
import { ServedService } from "./served-service.ts";

export interface NatsMicroDoorOptions {
  /** Of NATS's servers, as of `createTransport`. Its `prefix` is for our own subjects, not for these. */
  readonly url: string;
  /** In front of each endpoint's subject: `shop` makes `shop.user.getUser`. @default nothing */
  readonly prefix?: string | undefined;
  /** In front as well, and behind the prefix; also in the metadata, where our clients look for it. @default none */
  readonly namespace?: string | undefined;
  /** The group whose members share an endpoint's requests. @default "q", as with NATS's own clients */
  readonly queue?: string | undefined;
}

const OPTIONS = ["url", "prefix", "namespace", "queue"];
/** leave(): how long requests on their way are waited for, ms. */
const LEAVE_MS = 1000;
/** A call needs two turns of the loop to reach the server within the process, when it is connected. */
const TURNS = 5;
/** The lease of a registry that callers here do not ask: without it they are served all the same. */
const NOT_OURS = "lease";

/**
 * NATS's micro protocol (ADR-32): services are found and measured by its tools, and called by its clients in Go, Python, Rust. Unary endpoints only.
 * @throws Error that names an option that is wrong
 */
export function natsMicroDoor(options: NatsMicroDoorOptions): OutsideDoorFactory {
  refuseUnknown("natsMicroDoor", options, OPTIONS);
  const target = parseNatsUrl(options.url);
  for (const name of ["prefix", "queue"] as const) {
    const value = options[name];
    if (value !== undefined && !(typeof value === "string" && isSubject(value)))
      throw new TypeError(
        `natsMicroDoor: ${name} is ${JSON.stringify(value)}: give letters, digits, "-" and "_", as in "shop"`,
      );
  }
  return (host) => createMicroDoor(host, options, target);
}

/** For `doors: ["nats-micro"]`: what it is told is the process's own. */
export function createDoor(servers: NatsMicroDoorOptions): OutsideDoorFactory {
  return natsMicroDoor(servers);
}

function createMicroDoor(host: DoorHost, options: NatsMicroDoorOptions, target: NatsTarget): OutsideDoor {
  const { runtime, logger } = host;
  return new MicroDoor(host, options, (events) => connectNats(target, { runtime, logger }, events));
}

/** Apart from where its connection comes from. */
export class MicroDoor implements OutsideDoor {
  readonly name = "nats-micro";
  readonly protocol = "nats-micro";
  readonly #host: DoorHost;
  readonly #o: NatsMicroDoorOptions;
  readonly #connect: (events: NatsPortEvents) => NatsPort;
  readonly #callers: DoorCallers;
  readonly #served = new Map<ServiceDescription, ServedService>();
  readonly #warned = new Set<string>();
  #ports: EndpointPorts | undefined;
  /** They are about to go. */
  readonly #leaving = new Set<ServedService>();
  #unlisten = (): void => {};
  #left = false;
  /** The look under way, and whether there is something newer to be seen. */
  #looking: Promise<void> | undefined;
  #again = false;

  constructor(host: DoorHost, options: NatsMicroDoorOptions, connect: (events: NatsPortEvents) => NatsPort) {
    this.#host = host;
    this.#o = options;
    this.#connect = connect;
    this.#callers = new DoorCallers(host, "nats");
  }

  async open(): Promise<void> {
    const port = this.#connect({ connected: () => {}, disconnected: () => {} });
    this.#ports = {
      host: this.#host,
      port,
      callers: this.#callers,
      warn: (fields, message) => this.#warn(fields, message),
    };
    await port.ready(CONNECT_MS);
    this.#unlisten = this.#host.health.onChange(() => void this.#look());
    await this.#look();
    await port.flush();
  }

  /** A server that refuses says so again with each connection. */
  #warn(fields: object, message: string): void {
    const key = JSON.stringify([message, fields]);
    if (this.#warned.has(key) || this.#warned.size > 1000) return;
    this.#warned.add(key);
    this.#host.logger.warn({ door: this.name, ...fields }, message);
  }

  /** At what there is, and whether callers may come. Resolves once that is so on NATS. */
  #look(): Promise<void> {
    this.#again = true;
    this.#looking ??= this.#lookOn();
    return this.#looking;
  }

  async #lookOn(): Promise<void> {
    while (this.#again && !this.#left) {
      this.#again = false;
      this.#list();
      const ready = mayCome(await this.#host.health.ready());
      if (this.#left) break;
      const served = [...this.#served.values()];
      if (ready) this.#offer(served);
      else await Promise.all(served.map((one) => one.withdraw()));
    }
    this.#looking = undefined;
  }

  #offer(served: readonly ServedService[]): void {
    for (const one of served) if (!this.#leaving.has(one)) one.offer();
  }

  #list(): void {
    if (this.#ports === undefined) return;
    const services = this.#host.services();
    for (const [description, served] of this.#served)
      if (!services.includes(description)) void this.#remove(description, served);
    for (const description of services)
      if (!this.#served.has(description))
        this.#served.set(description, this.#serve(description, this.#ports));
  }

  #serve(description: ServiceDescription, ports: EndpointPorts): ServedService {
    const { prefix, namespace, queue = "q" } = this.#o;
    const space = namespace?.replaceAll(".", "_");
    const front = [prefix, space].filter((part) => part !== undefined);
    const id = this.#host.instanceOf?.(description) ?? this.#host.runtime.uniqueId();
    return new ServedService({ description, id, queue, front, namespace }, ports);
  }

  async #remove(description: ServiceDescription, served: ServedService): Promise<void> {
    this.#served.delete(description);
    await served.withdraw();
    await served.ended();
    served.end();
    this.#leaving.delete(served);
  }

  async leave(service?: string): Promise<void> {
    if (service === undefined) {
      this.#left = true;
      this.#unlisten();
    }
    const leaving = [...this.#served].filter(([d]) => service === undefined || d.service === service);
    for (const [, served] of leaving) this.#leaving.add(served);
    const withdrawn = Promise.all(leaving.map(([, served]) => served.withdraw()));
    await atMost(this.#host.runtime.clock, LEAVE_MS, withdrawn);
    // What was taken last has yet to reach the server as a call: drained before that, it would refuse it.
    for (let turn = 0; turn < TURNS; turn++)
      await new Promise<void>((resolve) => this.#host.runtime.yieldToIo(resolve));
  }

  async close(graceMs: number): Promise<void> {
    await this.leave();
    const ended = Promise.all([...this.#served.values()].map((served) => served.ended()));
    await atMost(this.#host.runtime.clock, graceMs, ended);
    for (const served of this.#served.values()) served.end();
    this.#served.clear();
    this.#callers.close();
    await this.#ports?.port.close();
  }
}

function mayCome({ checks }: Readiness): boolean {
  return Object.entries(checks).every(([name, { ok }]) => ok || name === NOT_OURS);
}
