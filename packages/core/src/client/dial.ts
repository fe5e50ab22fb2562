import type { CodecFactory } from "../codec.ts";
import { RpcError } from "../errors/rpc-error.ts";
import { type ForeignProtocol, type ForeignService, foreignAddress } from "../foreign/foreign-protocol.ts";
import type { Instance, InstanceAddress } from "../instance.ts";
import type { Runtime } from "../runtime.ts";
import type {
  ClientSession,
  ClientSessionEvents,
  ClientSessionOptions,
  LivenessOptions,
  SessionLimits,
} from "../session/client-session-types.ts";
import { isStaticId } from "../static-id.ts";
import type { Connection, Transport } from "../transport.ts";
import type { NodeEvents, Opening } from "./node.ts";

export interface DialOptions {
  readonly runtime: Runtime;
  readonly transports: readonly Transport[];
  readonly codecs: readonly CodecFactory[];
  /** For connecting and HELLO together. */
  readonly connectTimeoutMs: number;
  readonly credentials: string | (() => string | Promise<string>) | undefined;
  readonly limits: Partial<SessionLimits> | undefined;
  readonly liveness: LivenessOptions;
  readonly createSession: (options: ClientSessionOptions) => ClientSession;
  /** Another protocol than ours, which connects by itself. */
  readonly foreign?: DialForeign | undefined;
  /** Which other protocol an instance is called by that has no address of ours, going by its record. */
  readonly spoken?: ((instance: Instance) => ForeignProtocol | undefined) | undefined;
}

export interface DialForeign {
  readonly protocol: string;
  readonly service: ForeignService;
}

/** Of its addresses the one that is dialled: the first that speaks our protocol over a transport that we have. */
export function reachableAddress(
  instance: Instance,
  transports: readonly Transport[],
): { readonly address: InstanceAddress; readonly transport: Transport } | undefined {
  for (const address of instance.addresses) {
    if (address.protocol !== "skein") continue;
    const scheme = address.url.slice(0, address.url.indexOf(":"));
    const transport = transports.find((t) => t.scheme === scheme);
    if (transport !== undefined) return { address, transport };
  }
  return undefined;
}

/** Where an instance is dialled, as its records say it. */
export function dialledUrl(o: DialOptions, instance: Instance): string | undefined {
  if (o.foreign !== undefined) return foreignAddress(instance, o.foreign.protocol)?.url;
  const ours = reachableAddress(instance, o.transports)?.address.url;
  if (ours !== undefined) return ours;
  const spoken = spokenBy(o, instance);
  return spoken && foreignAddress(instance, spoken.protocol)?.url;
}

function spokenBy(o: DialOptions, instance: Instance): ForeignProtocol | undefined {
  if (o.spoken === undefined || instance.addresses.some(({ protocol }) => protocol === "skein"))
    return undefined;
  return o.spoken(instance);
}

/** Opens a session to an instance. Events come later, never before it has returned. */
export function openSession(o: DialOptions, instance: Instance, events: NodeEvents): Opening {
  return new Dial(o, instance, events);
}

class Dial implements Opening {
  readonly #o: DialOptions;
  readonly #instance: Instance;
  readonly #events: NodeEvents;
  readonly #abort = new AbortController();
  #session: ClientSession | undefined;
  #over = false;

  constructor(o: DialOptions, instance: Instance, events: NodeEvents) {
    this.#o = o;
    this.#instance = instance;
    this.#events = events;
    void this.#run();
  }

  retire(): void {
    if (this.#session === undefined) this.#giveUp();
    else this.#session.drain();
  }

  close(): void {
    if (this.#session === undefined) this.#giveUp();
    else this.#session.close();
  }

  #giveUp(): void {
    this.#abort.abort();
    this.#closed(new RpcError("CANCELLED", "the instance is not wanted any more", { executed: "no" }));
  }

  #closed(error: RpcError): void {
    if (this.#over) return;
    this.#over = true;
    this.#events.closed(error);
  }

  async #run(): Promise<void> {
    const { runtime, connectTimeoutMs, credentials } = this.#o;
    const started = runtime.clock.fresh();
    let connection: Connection;
    let secret: string | undefined;
    try {
      secret = typeof credentials === "function" ? await credentials() : await credentials;
      const foreign = this.#o.foreign ?? this.#spoken();
      if (foreign !== undefined) return await this.#openForeign(foreign, secret);
      connection = await this.#connect();
    } catch (error) {
      return this.#closed(dialError(error, this.#instance));
    }
    if (this.#over) return connection.destroy();
    const left = Math.max(1, connectTimeoutMs - (runtime.clock.fresh() - started));
    this.#open(connection, secret, left);
  }

  async #openForeign({ protocol, service }: DialForeign, credentials: string | undefined): Promise<void> {
    if (this.#over) return;
    const address = foreignAddress(this.#instance, protocol);
    if (address === undefined) throw new Error("it has no address");
    const { runtime, connectTimeoutMs, limits, liveness } = this.#o;
    const session = await service.open({
      runtime,
      instance: this.#instance,
      address,
      connectTimeoutMs,
      credentials,
      limits,
      liveness,
      events: this.#toSession(() => session),
    });
    this.#session = session;
    if (this.#over) session.close();
  }

  #spoken(): DialForeign | undefined {
    const found = spokenBy(this.#o, this.#instance);
    return found && { protocol: found.protocol, service: found.service(this.#instance.service) };
  }

  #connect(): Promise<Connection> {
    const found = reachableAddress(this.#instance, this.#o.transports);
    if (found === undefined) throw new Error(noAddress(this.#instance, this.#o.transports));
    const { connectTimeoutMs: timeoutMs } = this.#o;
    return found.transport.dial(found.address.url, { timeoutMs, signal: this.#abort.signal });
  }

  #open(connection: Connection, credentials: string | undefined, helloMs: number): void {
    const { runtime, codecs, limits, liveness, createSession } = this.#o;
    const { service, id } = this.#instance;
    const session = createSession({
      runtime,
      connection,
      codecs,
      service,
      instance: isStaticId(id) ? undefined : id,
      credentials,
      limits: { ...limits, helloMs },
      liveness,
      events: this.#toSession(() => session),
    });
    this.#session = session;
  }

  #toSession(session: () => ClientSession): ClientSessionEvents {
    return {
      ready: () => this.#events.ready(session()),
      suspect: (suspected) => this.#events.suspect(suspected),
      draining: () => this.#events.draining(),
      closed: (error) => this.#closed(error),
    };
  }
}

function noAddress(instance: Instance, transports: readonly Transport[]): string {
  const has = instance.addresses.map((a) => `${a.protocol} ${a.url}`).join(", ") || "no address";
  return `it has ${has}, and this client dials skein over ${transports.map((t) => t.scheme).join(", ")}`;
}

function dialError(error: unknown, instance: Instance): RpcError {
  if (RpcError.is(error)) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new RpcError("UNAVAILABLE", text, { executed: "no", instance: instance.id, cause: error });
}
