import type { Socket } from "node:net";
import type { DoorFactory, DoorHost, DoorOf, ServiceDescription } from "@skein/core";
import { refuseUnknown } from "@skein/core/internal";
import { Endpoints } from "./endpoints.ts";
import type { Handler } from "./handler.ts";
import { HEALTH_SERVICE, healthHandlers } from "./health.ts";
import { HealthState } from "./health-state.ts";
import { matchHttp2 } from "./match.ts";
import { Peer } from "./peer.ts";
import { watchProtos } from "./proto-faults.ts";
import { checkProtos, type LoadedProto, loadProto, type ProtoOptions, protoHandler } from "./protos.ts";
import { reflectionHandlers } from "./reflection.ts";
import type { CallParts } from "./serve-call.ts";
import { reflectionOf, servedNames } from "./served-protos.ts";

export interface GrpcDoorOptions {
  /** Services that speak protobuf, each with its .proto. The others need none. */
  readonly protos?: readonly ProtoOptions[] | undefined;
  /** The longest message taken, bytes, after decompression. @default 4_194_304 */
  readonly maxMessageBytes?: number | undefined;
  /** The message of a request that is no stream must be whole by then, ms. @default 15_000 */
  readonly requestMs?: number | undefined;
  /** Beyond, connections are closed at once. @default 1000 */
  readonly maxConnections?: number | undefined;
}

const OPTIONS = ["protos", "maxMessageBytes", "requestMs", "maxConnections"];
const DEFAULTS = { maxMessageBytes: 4 * 1024 * 1024, requestMs: 15_000, maxConnections: 1000 };
/** A peer that does not answer a ping until the next one is cut, ms. */
const PING_MS = 30_000;

/**
 * gRPC on the service's own port, for `doors: [grpcDoor({ … })]`; `doors: ["grpc"]` is the same without options.
 * @throws TypeError naming an option that is wrong
 */
export function grpcDoor(options: GrpcDoorOptions = {}): DoorFactory<Socket> {
  refuseUnknown("grpcDoor", options, OPTIONS);
  for (const name of ["maxMessageBytes", "requestMs", "maxConnections"] as const) {
    const value = options[name] ?? DEFAULTS[name];
    if (!(Number.isSafeInteger(value) && value > 0))
      throw new TypeError(`grpcDoor: option ${name} is ${String(value)}: give a whole number above 0`);
  }
  checkProtos(options.protos, "grpcDoor");
  return (host) => {
    const loaded = (options.protos ?? []).map((one) => loadProto(one, "grpcDoor"));
    const protos = new Map(loaded.map((proto) => [proto.name, proto]));
    watchProtos(host, [...protos.values()]);
    return new GrpcDoor(host, options, protos);
  };
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
  #closed = false;
  #emptied: (() => void) | undefined;

  constructor(host: DoorHost, options: GrpcDoorOptions, protos: ReadonlyMap<string, LoadedProto>) {
    this.#host = host;
    this.#most = options.maxConnections ?? DEFAULTS.maxConnections;
    const { clock } = host.runtime;
    const endpoints = new Endpoints(() => host.services(), clock);
    this.#health = new HealthState(host.health);
    host.draining.addEventListener("abort", () => this.#drain());
    const names = (): readonly string[] => servedNames(host.services(), protos);
    const fixed: ReadonlyMap<string, Handler> = new Map([
      ...healthHandlers({
        state: this.#health,
        known: (service) => service === HEALTH_SERVICE || names().includes(service),
        names,
        closing: this.#closing.signal,
      }),
      ...reflectionHandlers(reflectionOf(() => endpoints.services(), protos)),
    ]);
    this.#parts = {
      logger: host.logger,
      maxMessageBytes: options.maxMessageBytes ?? DEFAULTS.maxMessageBytes,
      requestMs: options.requestMs ?? DEFAULTS.requestMs,
      clock,
      find: (path) => fixed.get(path) ?? endpoints.find(path, protoRule(path, protos)),
      leaving: () => host.draining.aborted,
    };
  }

  accept(socket: Socket): void {
    if (this.#closed || socket.destroyed || this.#peers.size >= this.#most) return void socket.destroy();
    const peer = new Peer(this.#host, this.#parts, socket, () => {
      this.#peers.delete(peer);
      if (this.#peers.size === 0) this.#empty();
    });
    this.#peers.add(peer);
    this.#health.start();
    this.#pinging ??= setInterval(() => {
      for (const peer of this.#peers) peer.ping();
    }, PING_MS).unref();
    if (this.#host.draining.aborted) peer.drain();
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
    this.#closed = true;
    if (this.#peers.size === 0) return;
    const empty = new Promise<void>((resolve) => {
      this.#emptied = resolve;
    });
    const grace = setTimeout(() => {
      for (const peer of this.#peers) peer.destroy();
    }, graceMs);
    // Those who watch our health hear the last of it.
    await Promise.race([this.#health.look(), empty]);
    this.#closing.abort();
    this.#drain();
    await empty;
    clearTimeout(grace);
  }
}

/** A path of a .proto's service; undefined for others. */
function protoRule(
  path: string,
  protos: ReadonlyMap<string, LoadedProto>,
): ((services: readonly ServiceDescription[]) => Handler) | undefined {
  const slash = path.lastIndexOf("/");
  const proto = protos.get(path.slice(1, slash));
  return proto && ((services) => protoHandler(proto, path.slice(slash + 1), services));
}
