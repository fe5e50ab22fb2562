import type { Connection, DialOptions, Listener, Runtime, Timer } from "@skein/core";
import {
  CONNECT_MS,
  JUDGED_MS,
  MAX_PART_BYTES,
  MIN_WINDOW_BYTES,
  PROBE_MS,
  RETURN_MS,
  WINDOW_BYTES,
} from "./limits.ts";
import { decode, encode, HEAD_BYTES, type Message, reasonOf } from "./message.ts";
import { NatsConnection } from "./nats-connection.ts";
import type { NatsMessage, NatsPort, NatsPortEvents } from "./nats-port.ts";
import { createInbox, formatAddress, type Inbox, parseAddress } from "./subjects.ts";

/** Hexadecimal digits of an id, which is a safe integer of at most 15 digits. */
const ID_DIGITS = 12;

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
  #refused: Error | undefined;
  /** When it came back to the server, or met it after it had to wait, or others had to: clock.fresh() ms. */
  #backAt = Number.NEGATIVE_INFINITY;
  /** Nobody is there, it is said, and why is still to be judged: dials and connections by their ids. */
  readonly #doubted = new Set<number>();
  #judging: Timer | undefined;

  /** `idle`: nobody uses it any more. */
  constructor(options: HubOptions, idle: () => void) {
    this.#o = options;
    this.#idle = idle;
    this.#inbox = createInbox(options.prefix, options.runtime.uniqueId());
    this.#port = options.connect({
      disconnected: (why) => this.#disconnected(why),
      connected: (again) => {
        // It is subscribed to anew, and may be permitted by now.
        this.#refused = undefined;
        if (again === true) this.#backAt = options.runtime.clock.fresh();
      },
      memberGone: () => this.#memberGone(),
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
  /** It has a connection, and so have the others: none has only just come back. */
  get settled(): boolean {
    return this.#port.connected && !this.#justBack;
  }
  get #justBack(): boolean {
    return this.#o.runtime.clock.fresh() - this.#backAt < RETURN_MS;
  }

  close(): Promise<void> {
    this.#judging?.cancel();
    return this.#port.close();
  }

  async dial(address: string, { timeoutMs, signal }: DialOptions): Promise<Connection> {
    const subject = parseAddress(address);
    if (subject === undefined) throw new Error(`${address} has no subject: give nats://subject`);
    signal?.throwIfAborted();
    const { clock } = this.#o.runtime;
    const began = clock.fresh();
    await this.#ready(address, timeoutMs, signal);
    const left = timeoutMs - (clock.fresh() - began);
    // What is left is short for the other end to answer, and to say HELLO: it would be blamed for it.
    if (left < timeoutMs / 2) throw coded(`${address}: the server has only just come back`, "ENETDOWN");
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

  /** Not to be guessed: where the server says that nobody took a message, whoever may publish there could say it as well. */
  #newId(): number {
    for (;;) {
      const id = Number.parseInt(
        this.#o.runtime
          .uniqueId()
          .replace(/[^0-9a-f]/g, "")
          .slice(-ID_DIGITS),
        16,
      );
      if (!this.#connections.has(id) && !this.#asked.has(id)) return id;
    }
  }

  /** Publishes to `subject` and waits for the first answer. Rejects with `code` ECONNREFUSED where nobody subscribes. */
  #ask<T>(
    kind: "open" | "probe",
    subject: string,
    timeoutMs: number,
    signal: AbortSignal | undefined,
    take: (id: number, epoch: number, message: Message, from: string | undefined) => T | Error,
  ): Promise<T> {
    const { random, clock, yieldToIo } = this.#o.runtime;
    const id = this.#newId();
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
      const late = (): void => {
        const code = this.#justBack ? "ENETDOWN" : "ETIMEDOUT";
        if (this.#asked.has(id)) fail(coded(`did not answer within ${Math.round(timeoutMs)} ms`, code));
      };
      // Our own loop may have stood still: what has come meanwhile is read first.
      const timer = clock.setTimer(timeoutMs, () => yieldToIo(late));
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
    const port = this.#port;
    const connection = new NatsConnection({
      runtime: this.#o.runtime,
      remote,
      epoch,
      maxFrameBytes: this.#o.maxFrameBytes,
      partBytes: Math.min(port.maxPayload - HEAD_BYTES, MAX_PART_BYTES, windowBytes >>> 1),
      windowBytes,
      send: (bytes, number) => port.publish(to, bytes, this.#inbox.of(id, number)),
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
    const id = this.#newId();
    const connection = this.#connect(id, formatAddress(reply), epoch, reply, message.acknowledged);
    this.#port.publish(reply, encode("accept", { epoch, acknowledged: WINDOW_BYTES }), this.#inbox.of(id));
    accept(connection);
  }

  /** To our inbox. */
  #received({ subject, bytes, reply, nobody }: NatsMessage): void {
    const id = this.#inbox.idIn(subject);
    if (nobody) return this.#untaken(id, this.#inbox.messageIn(subject));
    const connection = this.#connections.get(id);
    const asked = this.#asked.get(id);
    const message = decode(bytes);
    if (message === undefined) return;
    if (asked?.epoch === message.epoch) asked.answer(message, reply);
    else if (message.kind === "reset" && this.#doubted.delete(id)) this.#judge(id);
    else if (connection?.epoch === message.epoch && message.kind !== "accept") connection.receive(message);
    else if (message.kind !== "reset" && this.#inbox.isAnothers(reply))
      this.#port.publish(
        reply,
        encode("reset", { epoch: message.epoch, reason: "there is no such connection any more" }),
      );
  }

  /** Nobody took a message of this dial or connection. */
  #untaken(id: number, number: number | undefined): void {
    this.#connections.get(id)?.untaken(number);
    if (this.#port.clustered !== true) return this.#judge(id);
    this.#doubted.add(id);
    if (this.#judging !== undefined) return;
    const { clock, yieldToIo } = this.#o.runtime;
    const timer = clock.setTimer(JUDGED_MS, () =>
      // Our own loop may have stood still: what has come meanwhile is read first.
      yieldToIo(() => {
        if (this.#judging === timer) this.#judgeAll();
      }),
    );
    this.#judging = timer;
  }

  #memberGone(): void {
    this.#backAt = this.#o.runtime.clock.fresh();
    this.#judging?.cancel();
    this.#judging = undefined;
    // All together: calls would go from one to the next, and each costs them a try. Who has nobody is told before the flush ends.
    for (const connection of this.#connections.values()) connection.poke();
    const judge = (): void => this.#judgeAll();
    this.#port.flush().then(judge, judge);
  }

  #judgeAll(): void {
    this.#judging?.cancel();
    this.#judging = undefined;
    const ids = [...this.#doubted];
    this.#doubted.clear();
    for (const id of ids) this.#judge(id);
  }

  /** Who was there is gone (ECONNRESET, ECONNREFUSED); or all are who were connected to the same server, and will be back (ENETDOWN). */
  #judge(id: number): void {
    const away = this.#justBack;
    const connection = this.#connections.get(id);
    const text = `${connection?.remote} is gone: nobody subscribes there`;
    connection?.lost(coded(text, away ? "ENETDOWN" : "ECONNRESET"));
    const refused = coded("refused the connection: nobody listens there", "ECONNREFUSED");
    const yet = coded("nobody listens there yet: servers have only just come back, or gone", "ENETDOWN");
    this.#asked.get(id)?.failed(away ? yet : refused);
  }

  #disconnected(why: string): void {
    const text = `lost the connection to ${this.#port.name}: ${why}`;
    for (const { failed } of [...this.#asked.values()]) failed(coded(text, "ENETDOWN"));
    for (const connection of [...this.#connections.values()])
      connection.lost(coded(`${connection.remote}: ${text}`, "ENETDOWN"));
  }

  #inboxRefused(error: Error): void {
    this.#refused = error;
    for (const connection of [...this.#connections.values()])
      connection.lost(new Error(error.message, { cause: error }));
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
