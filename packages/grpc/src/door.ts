import type { Socket } from "node:net";
import type { DoorFactory, DoorHost, DoorOf } from "@skein/core";
import { Endpoints } from "./endpoints.ts";
import type { Handler } from "./handler.ts";
import { HEALTH_SERVICE, healthHandlers } from "./health.ts";
import { HealthState } from "./health-state.ts";
import { matchHttp2 } from "./match.ts";
import { Peer } from "./peer.ts";
import { protoServiceName } from "./proto-names.ts";
import type { CallParts } from "./serve-call.ts";

export interface GrpcDoorOptions {
  /** The longest message taken, bytes, after decompression. @default 4_194_304 */
  readonly maxMessageBytes?: number | undefined;
  /** Beyond, connections are closed at once. @default 1000 */
  readonly maxConnections?: number | undefined;
}

const DEFAULTS = { maxMessageBytes: 4 * 1024 * 1024, maxConnections: 1000 };
/** A peer that does not answer a ping until the next one is cut, ms. */
const PING_MS = 30_000;

/**
 * gRPC on the service's own port, for `doors: [grpcDoor({ … })]`; `doors: ["grpc"]` is the same without options.
 * @throws TypeError naming an option that is wrong
 */
export function grpcDoor(options: GrpcDoorOptions = {}): DoorFactory<Socket> {
  for (const name of ["maxMessageBytes", "maxConnections"] as const) {
    const value = options[name] ?? DEFAULTS[name];
    if (!(Number.isSafeInteger(value) && value > 0))
      throw new TypeError(`grpcDoor: option ${name} is ${String(value)}: give a whole number above 0`);
  }
  return (host) => new GrpcDoor(host, options);
}

/** For `doors: ["grpc"]`. */
export const createDoor: DoorFactory<Socket> = grpcDoor();

class GrpcDoor implements DoorOf<Socket> {
  readonly name = "grpc";
  readonly protocol = "grpc";
  readonly matches = matchHttp2;
  readonly #host: DoorHost;
  readonly #most: number;
  readonly #parts: CallParts;
  readonly #health: HealthState;
  readonly #peers = new Set<Peer>();
  readonly #closing = new AbortController();
  #pinging: NodeJS.Timeout | undefined;
  #emptied: (() => void) | undefined;

  constructor(host: DoorHost, options: GrpcDoorOptions) {
    this.#host = host;
    this.#most = options.maxConnections ?? DEFAULTS.maxConnections;
    const { clock } = host.runtime;
    const endpoints = new Endpoints(() => host.services(), clock);
    this.#health = new HealthState(host.health, clock, () => this.#drain());
    const names = (): string[] =>
      endpoints.services().flatMap(({ service }) => [service, protoServiceName(service)]);
    const fixed: ReadonlyMap<string, Handler> = healthHandlers({
      state: this.#health,
      known: (service) => service === HEALTH_SERVICE || names().includes(service),
      names,
      closing: this.#closing.signal,
    });
    this.#parts = {
      logger: host.logger,
      maxMessageBytes: options.maxMessageBytes ?? DEFAULTS.maxMessageBytes,
      find: (path) => fixed.get(path) ?? endpoints.find(path),
      leaving: async () => {
        await this.#health.look();
        return this.#health.leaving;
      },
    };
  }

  accept(socket: Socket): void {
    if (this.#closing.signal.aborted || this.#peers.size >= this.#most) return void socket.destroy();
    this.#peers.add(
      new Peer(this.#host, this.#parts, socket, (peer) => {
        this.#peers.delete(peer);
        if (this.#peers.size === 0) this.#empty();
      }),
    );
    this.#health.start();
    this.#pinging ??= setInterval(() => {
      for (const peer of this.#peers) peer.ping();
    }, PING_MS).unref();
    if (this.#health.leaving) this.#drain();
  }

  #empty(): void {
    clearInterval(this.#pinging);
    this.#pinging = undefined;
    this.#health.stop();
    this.#emptied?.();
  }

  #drain(): void {
    for (const peer of this.#peers) peer.drain();
  }

  async close(graceMs: number): Promise<void> {
    this.#closing.abort();
    if (this.#peers.size === 0) return;
    const empty = new Promise<void>((resolve) => {
      this.#emptied = resolve;
    });
    this.#drain();
    const grace = setTimeout(() => {
      for (const peer of this.#peers) peer.destroy();
    }, graceMs);
    await empty;
    clearTimeout(grace);
  }
}
