import { type BusEvent, type BusReceiver, type BusSubscription, type EventBus, RpcError } from "@skein/core";
import { isRefusal, JetStreamError } from "../jetstream/errors.ts";
import type { EventLink } from "./event-link.ts";
import type { StreamTarget } from "./event-url.ts";
import { JetStreamReceiver } from "./jetstream-receiver.ts";
import { toMessage } from "./outgoing-event.ts";
import { ensureDeadLetters, ensureStream } from "./stream.ts";

/** Events kept by JetStream: at least once. */
export class JetStreamBus implements EventBus {
  readonly delivery = "at-least-once";
  readonly name: string;
  readonly #link: EventLink;
  readonly #prefix: string;
  readonly #stream: StreamTarget;
  readonly #receivers = new Set<JetStreamReceiver>();
  #streamThere: Promise<void> | undefined;
  #deadThere: Promise<void> | undefined;

  constructor(link: EventLink, prefix: string, stream: StreamTarget) {
    this.name = link.name;
    this.#link = link;
    this.#prefix = prefix;
    this.#stream = stream;
  }

  async publish(event: BusEvent): Promise<void> {
    const waits = this.#link.canPublish();
    if (waits !== undefined) await waits;
    await this.#ensureStream();
    try {
      return await this.#send(event);
    } catch (error) {
      if (!isRefusal(error, "nobody")) throw this.#toFault(event, error);
    }
    // Somebody has deleted the stream, or its server began anew.
    this.#streamThere = undefined;
    await this.#ensureStream();
    await this.#send(event).catch((error: unknown) => {
      throw this.#toFault(event, error);
    });
  }

  async #send(event: BusEvent): Promise<void> {
    const { subject, headers } = toMessage(this.#link, this.#prefix, event);
    await this.#link.jetStream.publish(subject, event.payload, headers);
  }

  #toFault({ name }: BusEvent, error: unknown): unknown {
    if (isRefusal(error, "nobody")) return this.#link.fault("UNAVAILABLE", `${name}: no stream takes it`);
    if (!(error instanceof JetStreamError)) return error;
    const text = `${name}: JetStream does not take it: ${error.message}`;
    return this.#link.fault("RESOURCE_EXHAUSTED", text, "no", error);
  }

  /** Once, and again after it has failed. */
  #ensureStream(): Promise<void> {
    const there = this.#streamThere ?? mayAsk(ensureStream(this.#link, this.#prefix, this.#stream));
    if (this.#streamThere === undefined) {
      this.#streamThere = there;
      there.catch(() => {
        this.#streamThere = undefined;
      });
    }
    return there;
  }

  #ensureDeadLetters(): Promise<void> {
    const there = this.#deadThere ?? mayAsk(ensureDeadLetters(this.#link, this.#stream));
    if (this.#deadThere === undefined) {
      this.#deadThere = there;
      there.catch(() => {
        this.#deadThere = undefined;
      });
    }
    return there;
  }

  async subscribe(subscription: BusSubscription): Promise<BusReceiver> {
    await this.#link.ready();
    await this.#ensureStream();
    await this.#ensureDeadLetters();
    const receiver = new JetStreamReceiver({
      link: this.#link,
      prefix: this.#prefix,
      stream: this.#stream,
      subscription,
      ensureStreams: async () => {
        this.#streamThere = undefined;
        this.#deadThere = undefined;
        await this.#ensureStream();
        await this.#ensureDeadLetters();
      },
      over: () => this.#receivers.delete(receiver),
    });
    this.#receivers.add(receiver);
    try {
      await receiver.begin();
    } catch (error) {
      receiver.abandon();
      throw error;
    }
    return receiver;
  }

  async close(): Promise<void> {
    for (const receiver of [...this.#receivers]) receiver.abandon();
    await this.#link.close();
  }
}

/** Who may not look after streams may use them still: somebody else has made them. */
async function mayAsk(ensured: Promise<void>): Promise<void> {
  try {
    await ensured;
  } catch (error) {
    if (!RpcError.is(error) || error.code !== "PERMISSION_DENIED") throw error;
  }
}
