import type { Client } from "./client/client.ts";
import type { Logger, Runtime } from "./runtime.ts";
import type { ServiceDescription } from "./server/describe.ts";
import type { Door } from "./transport.ts";

/**
 * What a door of another protocol leads to: the services of its own process, or, in a gateway, all that a registry knows. A door is a caller like any
 * other (decision 15): deadlines, cancellation, limits, interceptors, validation, priorities and draining hold behind it because they hold for callers.
 */
export interface DoorHost {
  readonly runtime: Runtime;
  readonly logger: Logger;
  /** The services there are, as they are now. Doors read it anew for each question: it is at hand. */
  services(): readonly ServiceDescription[];
  /** Id of the instance that serves one of services(). Undefined where no single one does. */
  instanceOf?(service: ServiceDescription): string | undefined;
  /**
   * For one connection of the door's, or one set of credentials on it: as if that peer had connected itself. Costs little until it is used.
   * @param peer its address: handlers see it as `ctx.peer`
   * @param credentials for `authenticate`; refused ones make calls fail with UNAUTHENTICATED
   */
  connect(peer: string, credentials?: string): DoorConnection;
  /** Health: whether this process should go on living, and whether calls may be sent here. */
  readonly health: HealthSource;
  /** Aborts when peers are to be told to leave, as callers of our own protocol are: from now on calls are refused. The door is closed once all have ended. */
  readonly draining: AbortSignal;
}

export interface DoorConnection {
  /** Calls what it names. */
  readonly client: Client;
  /** The peer has gone: what is in flight is cancelled. Idempotent. */
  close(): void;
}

/**
 * Makes a door. A package with a door for `doors: ["name"]` exports it as `createDoor`; `Socket` is node:net's for tcp.
 * @throws Error that says what is wrong with the door's own options
 */
export type DoorFactory<Socket = unknown> = (host: DoorHost) => DoorOf<Socket> | Promise<DoorOf<Socket>>;

export interface DoorOf<Socket = unknown> extends Door<Socket> {
  /** How it is named in the addresses of an instance's record (`http`, `grpc`); calls of that protocol go to the service's own port. */
  readonly protocol: string;
}

/** As DoorFactory. */
export type OutsideDoorFactory = (host: DoorHost) => OutsideDoor | Promise<OutsideDoor>;

/** A door that is not on the service's port: its callers come by a broker that it connects to itself. It goes by `health` whether calls may come. */
export interface OutsideDoor {
  readonly name: string;
  /** Not in the record: whoever calls by it finds services by it, too. */
  readonly protocol: string;
  /** Lets callers come. Rejects, saying why, when they cannot. After that it is open until it is closed, whatever the broker does. */
  open(): Promise<void>;
  /**
   * No more calls are taken: to a service, or to any. Resolves in bounded time, once those on their way have been.
   * @param service its name, where only that one goes; it is still among services()
   */
  leave(service?: string): Promise<void>;
  /** Ends it; `graceMs` for answers under way. Also when it was never opened. */
  close(graceMs: number): Promise<void>;
}

/** What health endpoints ask; who serves answers. */
export interface HealthSource {
  /** False: this process should be restarted. */
  live(): boolean;
  /** Settles by itself, in bounded time. */
  ready(): Promise<Readiness>;
  /**
   * Tells each time when ready(), or what there is to be asked about, may be otherwise than before.
   * @returns ends that
   */
  onChange(told: () => void): () => void;
}

export interface Readiness {
  /** True: calls may be sent here. */
  readonly ok: boolean;
  /** By name. Shown to whoever asks: no internals in them. */
  readonly checks: Readonly<Record<string, CheckResult>>;
}

export interface CheckResult {
  readonly ok: boolean;
  /** What is wrong, in a word or two. */
  readonly reason?: string | undefined;
  /** How long the check took. */
  readonly ms?: number | undefined;
}
