import type { Connection, DialOptions, Listener, Runtime } from "@skein/core";
import { CONNECT_MS, MAX_PART_BYTES, MIN_WINDOW_BYTES, PROBE_MS, WINDOW_BYTES } from "./limits.ts";
import { decode, encode, HEAD_BYTES, type Message, reasonOf } from "./message.ts";
import { NatsConnection } from "./nats-connection.ts";
import type { NatsMessage, NatsPort, NatsPortEvents } from "./nats-port.ts";
import { createInbox, formatAddress, type Inbox, parseAddress } from "./subjects.ts";

export interface HubOptions {
  readonly runtime: Runtime;
  readonly prefix: string;
  readonly maxFrameBytes: number;
  readonly connect: (events: NatsPortEvents) => NatsPort;
}

/** Who is asked for an answer: a dial or a probe. */
interface Asked {
  readonly epoch: number;
  answer(message: Message, from: string | undefined): void;
  failed(error: Error): void;
}

/** Where the connections of one process meet: one client of the server, one subscription for all that is sent to them. */
export class Hub {
  readonly #o: HubOptions;
  readonly #port: NatsPort;
  readonly #inbox: Inbox;
  readonly #connections = new Map<number, NatsConnection>();
  readonly #asked = new Map<number, Asked>();
  readonly #listening = new Set<string>();
  readonly #idle: () => void;
  #users = 0;
  #ids = 0;
  #refused: Error | undefined;

  /** `idle`: nobody uses it any more. */
  constructor(options: HubOptions, idle: () => void) {
    this.#o = options;
    this.#idle = idle;
    this.#inbox = createInbox(options.prefix, options.runtime.uniqueId());
    this.#port = options.connect({
      disconnected: (why) => this.#disconnected(why),
      connected: () => {},
    });
    this.#port.subscribe(
      this.#inbox.all,
      (message) => this.#received(message),
      (error) => this.#inboxRefused(error),
    );
  }

  /** Of whoever dials or listens, and of what came of it: keeps it open until the function that is returned is called. */
  use(): () => void {
    this.#users++;
    let released = false;
    return () => {
      if (released) return;
      released = true;
      if (--this.#users === 0) this.#idle();
    };
  }

  get used(): boolean {
    return this.#users > 0;
  }

  close(): Promise<void> {
    return this.#port.close();
  }

  async dial(address: string, { timeoutMs, signal }: DialOptions): Promise<Connection> {
    const subject = parseAddress(address);
    if (subject === undefined) throw new Error(`${address} has no subject: give nats://subject`);
    signal?.throwIfAborted();
    const { clock } = this.#o.runtime;
    const began = clock.fresh();
    await this.#ready(address, timeoutMs, signal);
    const left = Math.max(1, timeoutMs - (clock.fresh() - began));
    return this.#open(address, subject, left, signal);
  }

  async #ready(address: string, timeoutMs: number, signal?: AbortSignal): Promise<void> {
    try {
      await this.#port.ready(timeoutMs, signal);
    } catch (cause) {
      throw explained(address, cause);
    }
    if (this.#refused !== undefined) throw explained(address, this.#refused);
  }

  #open(address: string, subject: string, timeoutMs: number, signal?: AbortSignal): Promise<Connection> {
    return this.#ask("open", subject, timeoutMs, signal, (id, epoch, message, from) => {
      if (message.kind === "reset")
        return new Error(`${address} refused the connection: ${reasonOf(message)}`);
      if (message.kind !== "accept" || !this.#inbox.isAnothers(from) || !windowFits(message))
        return new Error(`${address} does not speak the session protocol: something else listens there`);
      return this.#connect(id, address, epoch, from, message.acknowledged);
    }).catch((cause) => {
      throw explained(address, cause);
    });
  }

  /** Publishes to `subject` and waits for the first answer. Rejects with `code` ECONNREFUSED where nobody subscribes. */
  #ask<T>(
    kind: "open" | "probe",
    subject: string,
    timeoutMs: number,
    signal: AbortSignal | undefined,
    take: (id: number, epoch: number, message: Message, from: string | undefined) => T | Error,
  ): Promise<T> {
    const { random, clock } = this.#o.runtime;
    const id = ++this.#ids;
    const epoch = Math.floor(random() * 2 ** 32);
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        this.#asked.delete(id);
        timer.cancel();
        signal?.removeEventListener("abort", abort);
      };
      const fail = (error: unknown): void => {
        settle();
        reject(error);
      };
      const abort = (): void => fail(signal?.reason);
      const timer = clock.setTimer(timeoutMs, () =>
        fail(coded(`did not answer within ${Math.round(timeoutMs)} ms`, "ETIMEDOUT")),
      );
      if (signal?.aborted === true) return abort();
      signal?.addEventListener("abort", abort, { once: true });
      this.#asked.set(id, {
        epoch,
        failed: fail,
        answer: (message, from) => {
          settle();
          const taken = take(id, epoch, message, from);
          if (taken instanceof Error) reject(taken);
          else resolve(taken);
        },
      });
      this.#port.publish(subject, encode(kind, { epoch, acknowledged: WINDOW_BYTES }), this.#inbox.of(id));
    });
  }

  /** A connection whose other end publishes to our inbox under `id`, and takes what is sent to `to`. */
  #connect(id: number, remote: string, epoch: number, to: string, windowBytes: number): NatsConnection {
    const release = this.use();
    const reply = this.#inbox.of(id);
    const port = this.#port;
    const connection = new NatsConnection({
      runtime: this.#o.runtime,
      remote,
      epoch,
      maxFrameBytes: this.#o.maxFrameBytes,
      partBytes: Math.min(port.maxPayload - HEAD_BYTES, MAX_PART_BYTES, windowBytes >>> 1),
      windowBytes,
      send: (bytes) => port.publish(to, bytes, reply),
      over: () => {
        this.#connections.delete(id);
        release();
      },
    });
    this.#connections.set(id, connection);
    return connection;
  }

  /** Without an address a subject of its own is chosen. */
  async listen(address: string, accept: (connection: Connection) => void): Promise<Listener> {
    const { prefix, runtime } = this.#o;
    const subject = parseAddress(address) ?? `${prefix}.at.${runtime.uniqueId()}`;
    const bound = formatAddress(subject);
    const release = this.use();
    let unsubscribe = (): void => {};
    const stop = (): void => {
      unsubscribe();
      this.#listening.delete(subject);
      release();
    };
    if (this.#listening.has(subject)) {
      release();
      throw inUse(bound);
    }
    this.#listening.add(subject);
    try {
      await this.#ready(bound, CONNECT_MS);
      if (await this.#isTaken(subject)) throw inUse(bound);
      let refused: Error | undefined;
      unsubscribe = this.#port.subscribe(
        subject,
        (message) => this.#knocked(message, accept),
        (error) => {
          refused = error;
        },
      );
      await this.#port.flush();
      if (refused !== undefined) throw refused;
    } catch (cause) {
      stop();
      throw explained(bound, cause);
    }
    let closed: Promise<void> | undefined;
    const close = async (): Promise<void> => {
      const keep = this.use();
      stop();
      // Once the server has seen it nobody is sent here any more. Disconnected, nobody is anyway.
      await this.#port.flush().catch(() => {});
      keep();
    };
    return {
      address: bound,
      close: () => {
        closed ??= close();
        return closed;
      },
    };
  }

  async #isTaken(subject: string): Promise<boolean> {
    try {
      return await this.#ask(
        "probe",
        subject,
        PROBE_MS,
        undefined,
        (_id, _epoch, { kind }) => kind === "present",
      );
    } catch {
      return false;
    }
  }

  /** To a subject that somebody listens on. */
  #knocked({ bytes, reply }: NatsMessage, accept: (connection: Connection) => void): void {
    const message = decode(bytes);
    if (message === undefined || !this.#inbox.isAnothers(reply)) return;
    const { epoch, kind } = message;
    if (kind === "probe") this.#port.publish(reply, encode("present", { epoch }));
    if (kind !== "open") return;
    if (!windowFits(message)) {
      this.#port.publish(reply, encode("reset", { epoch, reason: "its window is too small" }));
      return;
    }
    const id = ++this.#ids;
    const connection = this.#connect(id, formatAddress(reply), epoch, reply, message.acknowledged);
    this.#port.publish(reply, encode("accept", { epoch, acknowledged: WINDOW_BYTES }), this.#inbox.of(id));
    accept(connection);
  }

  /** To our inbox. */
  #received({ subject, bytes, reply, nobody }: NatsMessage): void {
    const id = this.#inbox.idIn(subject);
    const connection = this.#connections.get(id);
    const asked = this.#asked.get(id);
    if (nobody) {
      connection?.lost(coded(`${connection.remote} is gone: nobody subscribes there`, "ECONNRESET"));
      asked?.failed(coded("refused the connection: nobody listens there", "ECONNREFUSED"));
      return;
    }
    const message = decode(bytes);
    if (message === undefined) return;
    if (asked?.epoch === message.epoch) asked.answer(message, reply);
    else if (connection?.epoch === message.epoch && message.kind !== "accept") connection.receive(message);
    else if (message.kind !== "reset" && this.#inbox.isAnothers(reply))
      this.#port.publish(
        reply,
        encode("reset", { epoch: message.epoch, reason: "there is no such connection any more" }),
      );
  }

  #disconnected(why: string): void {
    const text = `lost the connection to ${this.#port.name}: ${why}`;
    for (const { failed } of [...this.#asked.values()]) failed(coded(text, "ECONNRESET"));
    for (const connection of [...this.#connections.values()])
      connection.lost(coded(`${connection.remote}: ${text}`, "ECONNRESET"));
  }

  #inboxRefused(error: Error): void {
    this.#refused = error;
    this.#disconnected(error.message);
  }
}

function windowFits({ acknowledged }: Message): boolean {
  return acknowledged >= MIN_WINDOW_BYTES;
}

function inUse(address: string): Error {
  return coded(`${address} is in use: choose another, or end what listens there`, "EADDRINUSE");
}

function coded(message: string, code: string): Error {
  return Object.assign(new Error(message), { code });
}

/** A sentence that begins with the address; `code` is kept. */
function explained(address: string, cause: unknown): Error {
  const { message, code } = (cause instanceof Error ? cause : new Error(String(cause))) as Error & {
    readonly code?: string;
  };
  if (cause instanceof Error && message.includes(address)) return cause;
  const error = new Error(`${address}: ${message}`, { cause });
  return code === undefined ? error : Object.assign(error, { code });
}
