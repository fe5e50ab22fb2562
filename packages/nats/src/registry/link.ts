import { RpcError, type Runtime } from "@skein/core";
import type { NatsHeaderEntries, NatsMessage, NatsPort, NatsPortEvents } from "../nats-port.ts";
import { atMost } from "../pauses.ts";
import type { RegistrySubjects } from "./registry-subjects.ts";

/** How long whoever asks for something waits for a connection, ms. */
const READY_MS = 2000;
/** A server that does not confirm for so long is frozen, ms. */
const CONFIRM_MS = 2000;
const NOTHING = new Uint8Array();

export interface LinkOptions {
  readonly name: string;
  readonly runtime: Runtime;
  readonly subjects: RegistrySubjects;
  readonly connect: (events: NatsPortEvents) => NatsPort;
}

export interface LinkEvents {
  connected(): void;
  disconnected(error: Error): void;
  /** As of a port. */
  denied?(subject: string): void;
}

/** Takes answers to a question. `nobody`: none will come. */
export type TakeAnswer = (bytes: Uint8Array, nobody: boolean) => void;

export interface Question {
  ask(bytes?: Uint8Array, headers?: NatsHeaderEntries): void;
  end(): void;
}

/** The way of one registry to its server: begun with the first use. */
export class Link {
  readonly subjects: RegistrySubjects;
  readonly #o: LinkOptions;
  readonly #events: LinkEvents;
  readonly #process: string;
  readonly #questions = new Map<number, TakeAnswer>();
  #asked = 0;
  #port: NatsPort | undefined;
  #flushing: Promise<void> | undefined;
  #refused: Error | undefined;
  #closed = false;

  constructor(options: LinkOptions, events: LinkEvents) {
    this.#o = options;
    this.#events = events;
    this.subjects = options.subjects;
    this.#process = options.runtime.uniqueId();
  }

  get name(): string {
    return this.#o.name;
  }
  get connected(): boolean {
    return this.#port?.connected ?? false;
  }
  /** The server does not let us hear what we must. */
  get refused(): Error | undefined {
    return this.#refused;
  }
  get maxPayload(): number {
    return this.#port?.maxPayload ?? 0;
  }

  /** Throws when the registry is closed. */
  open(): NatsPort {
    if (this.#closed) throw new Error(`the registry ${this.#o.name} is closed`);
    if (this.#port !== undefined) return this.#port;
    const port = this.#o.connect({
      connected: () => {
        this.#refused = undefined;
        this.#events.connected();
      },
      disconnected: (why) => this.#events.disconnected(this.unavailable(new Error(why))),
      denied: (subject) => this.#events.denied?.(subject),
    });
    this.#port = port;
    const { answers, questionIn } = this.subjects;
    this.subscribe(answers(this.#process), ({ subject, bytes, nobody }) =>
      this.#questions.get(questionIn(subject))?.(bytes, nobody),
    );
    return port;
  }

  /** Resolves once connected; rejects with UNAVAILABLE, saying why, after 2 s, and with what the server refused. */
  async ready(signal?: AbortSignal): Promise<void> {
    const port = this.open();
    try {
      await port.ready(READY_MS, signal);
    } catch (error) {
      signal?.throwIfAborted();
      throw this.unavailable(error);
    }
    if (this.#refused !== undefined) throw this.#refused;
  }

  unavailable(cause: unknown): RpcError {
    const why = cause instanceof Error ? cause.message : String(cause);
    return new RpcError("UNAVAILABLE", `the registry ${this.#o.name}: ${why}`, { cause, executed: "no" });
  }

  subscribe(subject: string, take: (message: NatsMessage) => void): () => void {
    return this.open().subscribe(subject, take, (error) => {
      this.#refused = new RpcError(
        "PERMISSION_DENIED",
        `the registry ${this.#o.name}: the server does not let us subscribe to ${subject}: ${error.message}`,
        { cause: error, executed: "no" },
      );
    });
  }

  /** Said into the void while there is no connection. */
  publish(subject: string, bytes: Uint8Array = NOTHING): void {
    this.#port?.publish(subject, bytes);
  }

  /** Takes what a consumer of JetStream delivers, until the function that is returned is called. */
  delivery(take: (message: NatsMessage) => void): { readonly subject: string; end(): void } {
    const subject = this.subjects.delivered(this.#process, ++this.#asked);
    return { subject, end: this.subscribe(subject, take) };
  }

  /** A question of which answers are taken until end(). Each ask() asks again. */
  question(subject: string, take: TakeAnswer): Question {
    const id = ++this.#asked;
    const reply = this.subjects.answer(this.#process, id);
    this.#questions.set(id, take);
    return {
      ask: (bytes = NOTHING, headers) => this.#port?.publish(subject, bytes, reply, headers),
      end: () => void this.#questions.delete(id),
    };
  }

  /**
   * Resolves once the server has what was published, and all that it had for us before was taken. Those who wait together wait for one answer. Rejects with
   * UNAVAILABLE on a disconnect, and after 2 s.
   */
  flush(): Promise<void> {
    this.#flushing ??= Promise.resolve().then(() => {
      this.#flushing = undefined;
      return this.#flush();
    });
    return this.#flushing;
  }

  async #flush(): Promise<void> {
    const late = (): Error => new Error(`the server did not answer within ${CONFIRM_MS} ms`);
    try {
      await atMost(this.#o.runtime.clock, CONFIRM_MS, this.open().flush(), late);
    } catch (error) {
      throw this.unavailable(error);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#questions.clear();
    await this.#port?.close();
  }
}
