import type { Logger, Runtime, Timer } from "@skein/core";
import {
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  headers as libraryHeaders,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  nkeyAuthenticator,
  type ServersChanged,
  type Status,
  type Subscription,
} from "nats";
import { answers } from "./answers.ts";
import { headersOf } from "./message-headers.ts";
import { explain, isRefusal } from "./nats-errors.ts";
import type {
  NatsHeaderEntries,
  NatsMessage,
  NatsPort,
  NatsPortEvents,
  NatsSubscription,
} from "./nats-port.ts";
import type { NatsTarget } from "./nats-url.ts";
import { atMost } from "./pauses.ts";
import { Unanswered } from "./unanswered.ts";

/** One attempt to connect takes no longer, ms. */
const ATTEMPT_MS = 2000;
/** Between attempts, ms: as much again at random. Subscriptions are back soon after the server is. */
const PAUSE_MS = 120;
/** A server that answers none of two pings is given up: within three of these, ms. */
const PING_MS = 1500;
const MAX_PINGS_OUT = 2;
/** close(): how long what was published has to leave, ms. */
const FLUSH_MS = 1000;

interface Subscribed {
  readonly subject: string;
  readonly take: (message: NatsMessage) => void;
  readonly refused: (error: Error) => void;
  readonly queue: string | undefined;
  current: Subscription | undefined;
}

/** Of members that are gone so many are tried still, after all others: they may come back while those are the last to go. */
const MOST_GONE = 8;

/** Of a cluster, as its members told last. */
interface Members {
  readonly there: readonly string[];
  /** Those that went while this connection lasted, the last at the end. */
  readonly gone: readonly string[];
}
const NOBODY: Members = { there: [], gone: [] };
/** For whoever connects to the same servers next: those that were given may be gone by then. */
const lastTold = new WeakMap<NatsTarget, Members>();

/** What the library adds to a status and leaves out of its type. */
interface Denial {
  readonly permissionContext?: { readonly operation: string; readonly subject: string };
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** The port over npm `nats`. Its own reconnecting is not used: it loses what is published meanwhile, silently, and ends some day. */
export function connectNats(
  target: NatsTarget,
  ports: { readonly runtime: Runtime; readonly logger: Logger },
  events: NatsPortEvents,
): NatsPort {
  const client = new NatsClient(target, ports.runtime, ports.logger, events);
  void client.run();
  return client;
}

class NatsClient implements NatsPort {
  readonly name: string;
  readonly #target: NatsTarget;
  readonly #runtime: Runtime;
  readonly #logger: Logger;
  readonly #events: NatsPortEvents;
  readonly #subscribed = new Set<Subscribed>();
  readonly #waiting = new Set<Waiting>();
  readonly #unanswered = new Unanswered();
  #connection: NatsConnection | undefined;
  #lastError: Error | undefined;
  /** The last attempt, for our credentials. */
  #refused = false;
  /** It was connected before. */
  #met = false;
  #closed = false;
  #endPause: (() => void) | undefined;
  /** Aborted by close(). */
  readonly #end = new AbortController();

  constructor(target: NatsTarget, runtime: Runtime, logger: Logger, events: NatsPortEvents) {
    this.name = target.name;
    this.#target = target;
    this.#runtime = runtime;
    this.#logger = logger;
    this.#events = events;
  }

  get connected(): boolean {
    return this.#connection !== undefined && !this.#connection.isClosed();
  }
  get clustered(): boolean {
    return this.#connection?.info?.cluster !== undefined;
  }
  get #members(): Members {
    return lastTold.get(this.#target) ?? NOBODY;
  }
  get maxPayload(): number {
    return this.#connection?.info?.max_payload ?? 0;
  }

  /** Connects again and again until close(). */
  async run(): Promise<void> {
    for (let failures = 0; !this.#closed; ) {
      for (const host of this.#hosts()) {
        if (this.#closed) return;
        try {
          await answers(host, ATTEMPT_MS, this.#end.signal);
          const connection = await connect(this.#options(host));
          failures = 0;
          if (this.#closed) return await connection.close();
          await this.#use(connection, host);
          break;
        } catch (error) {
          this.#attemptFailed(error as Error, ++failures);
        }
      }
      if (!this.#closed) await this.#pause();
    }
  }

  /** In an order that differs from process to process and from time to time. At first those that were given: others may not be reached from here. */
  #hosts(): readonly string[] {
    const { hosts } = this.#target;
    const others = (members: readonly string[]) => members.filter((member) => !hosts.includes(member));
    const told = others(this.#members.there);
    const there = this.#met
      ? this.#rotated([...hosts, ...told])
      : [...this.#rotated(hosts), ...this.#rotated(told)];
    return [...there, ...this.#rotated(others(this.#members.gone))];
  }
  #rotated(hosts: readonly string[]): readonly string[] {
    const from = Math.floor(this.#runtime.random() * hosts.length);
    return [...hosts.slice(from), ...hosts.slice(0, from)];
  }

  #options(host: string): ConnectionOptions {
    const { user, password, token, creds, nkey, tls, name } = this.#target;
    const authenticator =
      creds !== undefined
        ? credsAuthenticator(creds)
        : nkey !== undefined
          ? nkeyAuthenticator(nkey)
          : undefined;
    // The library checks the certificate of an IP address against "localhost" unless told better.
    const named = { ...tls, host: host.replace(/:\d+$/, "").replace(/^\[|\]$/g, "") };
    return {
      servers: [host],
      name: `skein ${name}`.slice(0, 120),
      reconnect: false,
      timeout: ATTEMPT_MS,
      pingInterval: PING_MS,
      maxPingOut: MAX_PINGS_OUT,
      ...(user === undefined ? {} : { user, pass: password ?? "" }),
      ...(token === undefined ? {} : { token }),
      ...(authenticator === undefined ? {} : { authenticator }),
      ...(tls === undefined ? {} : { tls: named }),
    };
  }

  /** Resolves once the connection is gone. */
  async #use(connection: NatsConnection, host: string): Promise<void> {
    this.#connection = connection;
    this.#met = true;
    const there = [...new Set([host, ...(connection.info?.connect_urls ?? [])])];
    lastTold.set(this.#target, { there, gone: [] });
    for (const subscribed of this.#subscribed) this.#subscribe(subscribed);
    const gone = this.#gone(connection);
    const again = this.#lastError !== undefined;
    if (again) this.#logger.info({ servers: this.name }, "NATS is connected again");
    this.#lastError = undefined;
    this.#refused = false;
    this.#tell(() => this.#events.connected(again));
    for (const { resolve } of this.#waiting) resolve();
    const error = await gone;
    this.#connection = undefined;
    this.#unanswered.gone(error);
    void connection.close().catch(() => {});
    if (this.#closed) return;
    this.#lastError = error;
    this.#logger.warn({ servers: this.name, cause: error.message }, "the connection to NATS is lost");
    this.#tell(() => this.#events.disconnected(error.message));
  }

  /** What throws here would leave this connection open, and make the next. */
  #tell(event: () => void): void {
    try {
      event();
    } catch (error) {
      this.#logger.error(
        { err: error, servers: this.name },
        "not all could be told of the connection to NATS",
      );
    }
  }

  /** Whatever tells first: the status is there before the socket is done with. */
  async #gone(connection: NatsConnection): Promise<Error> {
    const disconnected = async (): Promise<void> => {
      for await (const status of connection.status()) {
        // Of a server that is frozen nothing else may ever be told: the library wants to write something to it first.
        if (status.type === "disconnect" || status.type === "staleConnection") return;
        if (status.type === "update") this.#clusterChanged(connection, status.data as ServersChanged);
        const { permissionContext: denied } = status as Status & Denial;
        if (denied?.operation === "publish") this.#events.denied?.(denied.subject);
      }
    };
    const error = await Promise.race([connection.closed(), disconnected()]);
    if (error) return explain(error);
    // The library ends what it has left by itself: it does not connect again.
    return new Error("the server closed it, or answers no more");
  }

  #clusterChanged({ info }: NatsConnection, { deleted }: ServersChanged): void {
    const there = info?.connect_urls ?? [];
    const known = [...this.#members.gone, ...this.#members.there];
    const gone = known.filter((member) => !there.includes(member)).slice(-MOST_GONE);
    lastTold.set(this.#target, { there, gone });
    if (deleted.length > 0) this.#events.memberGone?.();
  }

  #attemptFailed(cause: Error, failures: number): void {
    const error = explain(cause);
    this.#lastError = error;
    const fields = { servers: this.name, cause: error.message, failures };
    if (failures === 1) this.#logger.warn(fields, "NATS cannot be reached: tried again for ever");
    else this.#logger.debug(fields, "NATS cannot be reached");
    this.#refused = isRefusal(cause);
    if (this.#refused) for (const { reject } of this.#waiting) reject(this.#notConnected());
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const ms = PAUSE_MS * (1 + this.#runtime.random());
      // Not the runtime's timer: that one lets a process end, which waits for this.
      const timer = setTimeout(resolve, ms);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #notConnected(): Error {
    const why = this.#lastError?.message ?? "it does not answer";
    const code = this.#refused ? "EACCES" : "ENETDOWN";
    return Object.assign(new Error(`no connection to ${this.name}: ${why}`), { code });
  }

  ready(timeoutMs: number, signal?: AbortSignal): Promise<void> {
    if (this.connected) return Promise.resolve();
    return new Promise((resolve, reject) => {
      let timer: Timer | undefined;
      const settle = (): void => {
        timer?.cancel();
        signal?.removeEventListener("abort", abort);
        this.#waiting.delete(waiting);
      };
      const waiting: Waiting = {
        resolve: () => {
          settle();
          resolve();
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      };
      const abort = (): void => waiting.reject(signal?.reason as Error);
      timer = this.#runtime.clock.setTimer(timeoutMs, () => waiting.reject(this.#notConnected()));
      signal?.addEventListener("abort", abort, { once: true });
      this.#waiting.add(waiting);
    });
  }

  publish(subject: string, bytes: Uint8Array, reply?: string, headers?: NatsHeaderEntries): void {
    if (!this.connected) return;
    if (headers === undefined)
      this.#connection?.publish(subject, bytes, reply === undefined ? undefined : { reply });
    else
      this.#connection?.publish(subject, bytes, {
        ...(reply === undefined ? {} : { reply }),
        headers: written(headers),
      });
  }

  subscribe(
    subject: string,
    take: Subscribed["take"],
    refused: Subscribed["refused"],
    queue?: string,
  ): NatsSubscription {
    const subscribed: Subscribed = { subject, take, refused, queue, current: undefined };
    this.#subscribed.add(subscribed);
    if (this.connected) this.#subscribe(subscribed);
    const end = (): void => {
      if (!this.#subscribed.delete(subscribed)) return;
      if (this.connected) subscribed.current?.unsubscribe();
    };
    return Object.assign(end, { drain: () => this.#drain(subscribed) });
  }

  async #drain(subscribed: Subscribed): Promise<void> {
    if (!this.#subscribed.has(subscribed)) return;
    // It is drained already, or gone with its connection: then nothing is on its way.
    const { current } = subscribed;
    if (this.connected && current !== undefined)
      await this.#unanswered.until(current.drain()).catch(() => {});
    this.#subscribed.delete(subscribed);
  }

  #subscribe(subscribed: Subscribed): void {
    const { subject, queue } = subscribed;
    subscribed.current = this.#connection?.subscribe(subject, {
      ...(queue === undefined ? {} : { queue }),
      callback: (error, message) => {
        if (!this.#subscribed.has(subscribed)) return;
        if (error !== null) subscribed.refused(explain(error));
        else this.#take(subscribed, message);
      },
    });
  }

  /** What throws here would end the library's reading. */
  #take(subscribed: Subscribed, message: Msg): void {
    try {
      const { subject, reply, data } = message;
      const headers = headersOf(message);
      const nobody = data.length === 0 && headers?.code === 503;
      const bare = { subject, reply, bytes: data, nobody };
      subscribed.take(headers === undefined ? bare : { ...bare, headers });
    } catch (error) {
      this.#logger.error(
        { err: error, subject: subscribed.subject },
        "a message from NATS could not be handled",
      );
    }
  }

  async flush(): Promise<void> {
    if (!this.connected) throw this.#notConnected();
    const connection = this.#connection as NatsConnection;
    await this.#unanswered.until(connection.flush());
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#end.abort();
    this.#endPause?.();
    for (const { reject } of this.#waiting) reject(new Error(`the connection to ${this.name} was closed`));
    const connection = this.#connection;
    if (connection === undefined || connection.isClosed()) return;
    await atMost(this.#runtime.clock, FLUSH_MS, connection.flush()).catch(() => {});
    await connection.close();
  }
}

function written(headers: NatsHeaderEntries): MsgHdrs {
  const made = libraryHeaders();
  for (const [name, value] of headers) made.append(name, value);
  return made;
}
