import type { CodecFactory } from "../codec.ts";
import type { CallContext } from "../context.ts";
import type { ServiceDefinition } from "../endpoint.ts";
import type { Code } from "../errors/rpc-error.ts";
import type { Interceptor } from "../interceptor.ts";
import type { Frame } from "../protocol/frame.ts";
import type { ClientHello } from "../protocol/hello.ts";
import type { ContextStore, Logger, Runtime, Timer } from "../runtime.ts";
import type { Connection } from "../transport.ts";
import type { RegistrationDescription } from "./describe.ts";
import { Dispatcher } from "./dispatcher.ts";
import { type QueueOptions, resolveQueue } from "./queue-options.ts";
import { type MethodReport, report } from "./report.ts";
import { type Call, type ServedService, serveDefinition } from "./served-service.ts";
import { resolveServerLimits, type ServerLimits } from "./server-limits.ts";
import { ServerSession, type SessionHost } from "./server-session.ts";

export interface ServerOptions {
  readonly runtime: Runtime;
  readonly logger: Logger;
  /** What callers may choose from. */
  readonly codecs: readonly CodecFactory[];
  /** Gives handlers their context ambiently. Absent: as the last parameter only. */
  readonly contextStore?: ContextStore<CallContext> | undefined;
  /** The first is the outermost. */
  readonly interceptors?: readonly Interceptor[] | undefined;
  /** What `$describe` says of the registration. */
  readonly registration?: (() => RegistrationDescription | undefined) | undefined;
  /** What each connection may do. createServer throws TypeError for wrong values. */
  readonly limits?: Partial<ServerLimits> | undefined;
  /** Which calls wait and which are refused. createServer throws TypeError for wrong values. */
  readonly queue?: Partial<QueueOptions> | undefined;
  /** True: welcome. Asked at HELLO and at each refresh of credentials. @default everybody is welcome */
  readonly authenticate?:
    | ((credentials: string | undefined, peer: string, service: string) => boolean | Promise<boolean>)
    | undefined;
}

export interface DrainOptions {
  /** What still runs then ends as UNAVAILABLE, ms. @default 10_000 */
  readonly graceMs?: number | undefined;
  /** Peers have so long to acknowledge GOAWAY, ms. @default 1000 */
  readonly ackMs?: number | undefined;
}

/** Serves definitions to connections, whatever carries them. */
export interface Server {
  /** Throws when that name and version is served already. */
  add(definition: ServiceDefinition, instanceId: string): void;
  /** Drains one service's sessions. */
  remove(name: string, options?: DrainOptions): Promise<void>;
  /** Takes over a connection that a transport accepted. */
  accept(connection: Connection): void;
  /** GOAWAY to all peers; new calls are refused as not executed. Resolves once all acknowledged and nothing runs, at the latest after graceMs. */
  drain(options?: DrainOptions): Promise<void>;
  /** At once, what waits to be sent being sent. Idempotent. */
  close(): void;
  /** Resets all connections, as a crash would. */
  destroy(): void;
  readonly draining: boolean;
  /** Calls whose handlers have not ended. */
  readonly running: number;
  readonly connections: number;
  /** Calls are refused for want of time or memory. */
  readonly overloaded: boolean;
  /** Counters by service and method since start. */
  report(): readonly MethodReport[];
}

const GRACE_MS = 10_000;
const ACK_MS = 1000;
/** Clients ping idle connections every 15 s: one that was silent for four times that is gone. */
const SILENT_MS = 60_000;

export function createServer(options: ServerOptions): Server {
  return new SkeinServer(options);
}

class SkeinServer implements Server, SessionHost {
  draining = false;
  readonly runtime: Runtime;
  readonly limits: ServerLimits;
  readonly codecs: readonly CodecFactory[];
  readonly #o: ServerOptions;
  readonly #dispatcher: Dispatcher;
  readonly #services: ServedService[] = [];
  readonly #sessions = new Set<ServerSession>();
  /** Looked at when a session or the server goes idle. */
  readonly #waiters = new Set<() => void>();
  #sweep: Timer | undefined;

  constructor(options: ServerOptions) {
    this.#o = options;
    this.runtime = options.runtime;
    this.codecs = options.codecs;
    this.limits = resolveServerLimits(options.limits);
    this.#dispatcher = new Dispatcher({
      runtime: options.runtime,
      logger: options.logger,
      limits: this.limits,
      queue: resolveQueue(options.queue),
      contextStore: options.contextStore,
      onIdle: () => this.#wake(),
    });
  }

  get running(): number {
    return this.#dispatcher.running;
  }
  get connections(): number {
    return this.#sessions.size;
  }
  get overloaded(): boolean {
    return this.#dispatcher.overloaded;
  }

  report(): readonly MethodReport[] {
    return this.#services.flatMap(report);
  }

  add(definition: ServiceDefinition, instanceId: string): void {
    const { name, version, label } = definition;
    const twin = this.#services.find((s) => s.definition.name === name && s.definition.version === version);
    if (twin !== undefined)
      throw new Error(
        `service ${name} ${version} is served twice in this process, by ${twin.definition.label} and by ${label}: give one of them another name or version`,
      );
    const { interceptors = [], registration } = this.#o;
    const service = serveDefinition(definition, instanceId, interceptors, registration);
    this.#dispatcher.limit(service);
    this.#services.push(service);
  }

  async remove(name: string, options: DrainOptions = {}): Promise<void> {
    const leaving = this.#services.filter((s) => s.definition.name === name);
    if (leaving.length === 0) throw new Error(`service ${name} is not served here`);
    for (const service of leaving) service.draining = true;
    this.#dispatcher.drainStarted();
    await this.#empty((session) => leaving.includes(session.served as ServedService), options);
    for (const service of leaving) {
      const at = this.#services.indexOf(service);
      // Another remove() of the same name may have been faster.
      if (at >= 0) this.#services.splice(at, 1);
    }
  }

  async drain(options: DrainOptions = {}): Promise<void> {
    this.draining = true;
    for (const service of this.#services) service.draining = true;
    this.#dispatcher.drainStarted();
    await this.#empty(() => true, options);
    this.close();
  }

  /** Ends the chosen sessions as drains do; others go on. */
  async #empty(chosen: (session: ServerSession) => boolean, options: DrainOptions): Promise<void> {
    const sessions = (): ServerSession[] => [...this.#sessions].filter(chosen);
    for (const session of sessions()) session.goaway();
    const all = this.draining;
    await Promise.all([
      this.#until(
        () => sessions().every((s) => s.acknowledged || s.state === "opening"),
        options.ackMs ?? ACK_MS,
      ),
      this.#until(
        () => (all ? this.running === 0 : sessions().every((s) => s.running === 0)),
        options.graceMs ?? GRACE_MS,
      ),
    ]);
    for (const session of sessions()) {
      this.#dispatcher.expel(session);
      session.end();
    }
  }

  #until(condition: () => boolean, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        this.#waiters.delete(look);
        resolve();
      };
      const look = (): void => {
        if (condition()) done();
      };
      const timer = this.runtime.clock.setTimer(ms, done);
      this.#waiters.add(look);
      look();
    });
  }

  #wake(): void {
    for (const look of [...this.#waiters]) look();
  }

  accept(connection: Connection): void {
    this.#sessions.add(new ServerSession(connection, this));
    this.#sweep ??= this.runtime.clock.setTimer(SILENT_MS / 4, () => this.#sweepSilent());
  }

  #sweepSilent(): void {
    this.#sweep = undefined;
    const limit = this.runtime.clock.fresh() - SILENT_MS;
    for (const session of this.#sessions) if (session.lastRead < limit) session.destroy();
    if (this.#sessions.size > 0)
      this.#sweep = this.runtime.clock.setTimer(SILENT_MS / 4, () => this.#sweepSilent());
  }

  close(): void {
    for (const session of this.#sessions) session.end();
    this.#sweep?.cancel();
    this.#dispatcher.close();
    this.#wake();
  }

  destroy(): void {
    for (const session of this.#sessions) session.destroy();
    this.close();
  }

  // ---- what sessions ask

  find(hello: ClientHello): ServedService | { readonly code: Code; readonly message: string } {
    const named = this.#services.filter((s) => s.definition.name === hello.service);
    const found = hello.instance === undefined ? named[0] : named.find((s) => s.instance === hello.instance);
    if (found !== undefined) return found;
    const here = this.#services.map((s) => `${s.definition.name} ${s.definition.version} as ${s.instance}`);
    const asked = hello.instance === undefined ? hello.service : `${hello.service} as ${hello.instance}`;
    return { code: "NOT_FOUND", message: `${asked} is not served here: ${here.join(", ") || "nothing is"}` };
  }

  authenticate(credentials: string | undefined, peer: string, service: string): boolean | Promise<boolean> {
    return this.#o.authenticate?.(credentials, peer, service) ?? true;
  }

  accepted(session: ServerSession, frame: Frame): void {
    this.#dispatcher.accept(session, frame);
  }

  cancel(session: ServerSession, call: Call, reason: unknown): void {
    this.#dispatcher.cancel(session, call, reason);
  }

  chunkEnd(): void {
    this.#dispatcher.chunkEnd();
  }

  complain(session: ServerSession, message: string): void {
    this.#o.logger.warn(
      { peer: session.remote, service: session.served?.definition.name },
      `closing a connection: ${message}`,
    );
  }

  acknowledged(): void {
    this.#wake();
  }

  closed(session: ServerSession): void {
    this.#sessions.delete(session);
    if (this.#sessions.size === 0) this.#dispatcher.rest();
    this.#wake();
  }
}
