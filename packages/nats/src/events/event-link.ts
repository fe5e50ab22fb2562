import { type Executed, RpcError, type Runtime } from "@skein/core";
import { JetStream } from "../jetstream/jetstream.ts";
import { type Answer, PendingQuestions } from "../jetstream/pending-questions.ts";
import { CONNECT_MS } from "../limits.ts";
import type {
  NatsHeaderEntries,
  NatsMessage,
  NatsPort,
  NatsPortEvents,
  NatsSubscription,
} from "../nats-port.ts";
import { checkToken } from "../subjects.ts";

/** How long a publisher waits for the first connection, ms. */
const FIRST_MS = 2000;
/** JetStream's answers come at once, or not at all, ms. */
const ANSWER_MS = 5000;

export interface EventLinkOptions {
  readonly name: string;
  readonly prefix: string;
  readonly runtime: Runtime;
  readonly connect: (events: NatsPortEvents) => NatsPort;
}

/** Told of what becomes of the connection. */
export interface LinkWatcher {
  connected?(): void;
  disconnected?(error: RpcError): void;
  denied?(subject: string): void;
}

/** The way of one bus to its server: begun with the first use. */
export class EventLink {
  readonly watchers = new Set<LinkWatcher>();
  readonly jetStream = new JetStream({
    ask: (subject, bytes, headers) => this.request(subject, bytes, ANSWER_MS, headers),
    unavailable: (cause) => this.fault("UNAVAILABLE", cause.message, "maybe", cause),
  });
  readonly #o: EventLinkOptions;
  readonly #replies: string;
  readonly #questions: PendingQuestions;
  #inboxes = 0;
  #port: NatsPort | undefined;
  /** There was a connection: what is not there now was lost. */
  #lost: string | undefined;
  #closed = false;

  constructor(options: EventLinkOptions) {
    this.#o = options;
    this.#questions = new PendingQuestions(options.runtime.clock);
    this.#replies = `${options.prefix}.replies.${checkToken(options.runtime.uniqueId(), "name of a process")}.`;
  }

  get name(): string {
    return this.#o.name;
  }
  get runtime(): Runtime {
    return this.#o.runtime;
  }
  get connected(): boolean {
    return !this.#closed && (this.#port?.connected ?? false);
  }
  get maxPayload(): number {
    return this.#port?.maxPayload ?? 0;
  }

  fault(code: RpcError["code"], text: string, executed: Executed = "no", cause?: unknown): RpcError {
    return new RpcError(code, `the event bus ${this.#o.name}: ${text}`, { executed, cause });
  }

  #open(): NatsPort {
    if (this.#closed) throw this.fault("FAILED_PRECONDITION", "it is closed");
    if (this.#port !== undefined) return this.#port;
    const port = this.#o.connect({
      connected: () => {
        for (const watcher of [...this.watchers]) watcher.connected?.();
      },
      disconnected: (why) => this.#disconnected(why),
      denied: (subject) => this.#denied(subject),
    });
    this.#port = port;
    port.subscribe(
      `${this.#replies}*`,
      (message) => this.#answered(message),
      () => {},
    );
    return port;
  }

  #disconnected(why: string): void {
    this.#lost = why;
    this.#questions.fail(() => this.fault("UNAVAILABLE", why, "maybe"));
    const error = this.fault("UNAVAILABLE", `the connection was lost: ${why}`);
    for (const watcher of [...this.watchers]) watcher.disconnected?.(error);
  }

  #denied(subject: string): void {
    this.#questions.denied(subject, () => this.deniedFault(subject));
    for (const watcher of [...this.watchers]) watcher.denied?.(subject);
  }

  deniedFault(subject: string): RpcError {
    return this.fault("PERMISSION_DENIED", `the server does not let us publish to ${subject}`);
  }

  /** Resolves once connected; rejects with UNAVAILABLE, saying why, after so long. @param timeoutMs by default as long as listeners wait */
  async ready(timeoutMs = CONNECT_MS): Promise<void> {
    const port = this.#open();
    if (port.connected) return;
    try {
      await port.ready(timeoutMs);
    } catch (error) {
      if (this.#closed) throw this.fault("FAILED_PRECONDITION", "it is closed");
      throw this.fault("UNAVAILABLE", (error as Error).message, "no", error);
    }
  }

  /** As ready(), but rejects at once where a connection was lost and is not back. */
  canPublish(): Promise<void> | undefined {
    const port = this.#open();
    if (port.connected) return undefined;
    if (this.#lost === undefined) return this.ready(FIRST_MS);
    throw this.fault("UNAVAILABLE", `there is no connection: ${this.#lost}`);
  }

  /** Into the void while there is no connection: look before. */
  publish(
    subject: string,
    bytes: Uint8Array,
    { headers, reply }: { readonly headers?: NatsHeaderEntries; readonly reply?: string } = {},
  ): void {
    this.#port?.publish(subject, bytes, reply, headers);
  }

  /** Rejects with `executed: "maybe"` on a disconnect and after `timeoutMs`. Nobody who answers is an answer: `nobody`. */
  request(
    subject: string,
    bytes: Uint8Array,
    timeoutMs: number,
    headers?: NatsHeaderEntries,
  ): Promise<Answer> {
    const port = this.#port;
    if (port === undefined || !this.connected)
      return Promise.reject(this.fault("UNAVAILABLE", "there is no connection"));
    return this.#questions.ask({
      subject,
      timeoutMs,
      send: (id) => port.publish(subject, bytes, this.#replies + id, headers),
      late: () => {
        const text = `${subject} was not answered within ${timeoutMs} ms`;
        return this.fault("UNAVAILABLE", text, "maybe");
      },
    });
  }

  #answered(message: NatsMessage): void {
    this.#questions.answered(Number(message.subject.slice(this.#replies.length)), message);
  }

  /** Subject of an inbox of its own, without the last token. */
  inbox(): string {
    return `${this.#replies}${++this.#inboxes}.`;
  }

  subscribe(
    subject: string,
    take: (message: NatsMessage) => void,
    refused: (error: RpcError) => void,
    queue?: string,
  ): NatsSubscription {
    const told = (cause: Error): void => {
      const text = `the server does not let us subscribe to ${subject}: ${cause.message}`;
      refused(this.fault("PERMISSION_DENIED", text, "no", cause));
    };
    return this.#open().subscribe(subject, take, told, queue);
  }

  /** Resolves once the server has seen what was published and subscribed before; rejects on a disconnect. */
  flush(): Promise<void> {
    return this.#open().flush();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#questions.fail(() => this.fault("UNAVAILABLE", "it was closed", "maybe"));
    await this.#port?.close();
  }
}
