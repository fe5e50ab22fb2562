import type { BusEvent, BusReceiver, BusSubscription, EventBus, RpcError } from "@skein/core";
import { DeliveryQueue } from "@skein/core/internal";
import type { NatsMessage, NatsSubscription } from "../nats-port.ts";
import { Confirmation } from "./confirmation.ts";
import type { EventLink } from "./event-link.ts";
import { readEvent } from "./event-message.ts";
import { nameIn, patternSubject, queueGroup } from "./event-subjects.ts";
import { toMessage } from "./outgoing-event.ts";

/** Events on NATS alone: at most once. Whoever is not there, or cut off, does not get them. */
export class CoreBus implements EventBus {
  readonly delivery = "at-most-once";
  readonly name: string;
  readonly #link: EventLink;
  readonly #prefix: string;
  readonly #confirmation: Confirmation;
  readonly #receivers = new Set<CoreReceiver>();

  constructor(link: EventLink, prefix: string) {
    this.name = link.name;
    this.#link = link;
    this.#prefix = prefix;
    this.#confirmation = new Confirmation(link);
  }

  async publish(event: BusEvent): Promise<void> {
    const waits = this.#link.canPublish();
    if (waits !== undefined) await waits;
    const { subject, headers } = toMessage(this.#link, this.#prefix, event);
    this.#link.publish(subject, event.payload, { headers });
    await this.#confirmation.confirm(subject);
  }

  async subscribe(subscription: BusSubscription): Promise<BusReceiver> {
    await this.#link.ready();
    const receiver = new CoreReceiver(this.#link, this.#prefix, subscription, () =>
      this.#receivers.delete(receiver),
    );
    this.#receivers.add(receiver);
    await receiver.begin(this.#confirmation);
    return receiver;
  }

  async close(): Promise<void> {
    for (const receiver of [...this.#receivers]) receiver.destroy();
    await this.#link.close();
  }
}

class CoreReceiver implements BusReceiver {
  readonly #link: EventLink;
  readonly #prefix: string;
  readonly #subscription: BusSubscription;
  readonly #queue: DeliveryQueue;
  readonly #over: () => void;
  readonly #watcher;
  #subscribed: NatsSubscription | undefined;
  #refused: RpcError | undefined;
  #begun = false;
  #closing: Promise<void> | undefined;

  constructor(link: EventLink, prefix: string, subscription: BusSubscription, over: () => void) {
    this.#link = link;
    this.#prefix = prefix;
    this.#subscription = subscription;
    this.#over = over;
    this.#queue = new DeliveryQueue({ subscription, defer: link.runtime.defer });
    this.#watcher = { disconnected: (error: RpcError) => this.#cutOff(error) };
  }

  async begin(confirmation: Confirmation): Promise<void> {
    const { name, queue } = this.#subscription;
    const subject = patternSubject(this.#prefix, name);
    this.#subscribed = this.#link.subscribe(
      subject,
      (message) => this.#take(message),
      (error) => this.#refuse(error),
      queue === undefined ? undefined : queueGroup(queue, name),
    );
    try {
      await confirmation.confirm(subject);
      if (this.#refused !== undefined) throw this.#refused;
    } catch (error) {
      this.destroy();
      throw error;
    }
    this.#begun = true;
    this.#link.watchers.add(this.#watcher);
  }

  #refuse(error: RpcError): void {
    this.#refused = error;
    if (this.#begun) this.#subscription.onTrouble(error);
  }

  #cutOff(cause: RpcError): void {
    const text = `${this.#subscription.name}: cut off; what is published until the connection is back does not arrive`;
    this.#subscription.onTrouble(this.#link.fault("UNAVAILABLE", text, "no", cause));
  }

  #take({ subject, bytes, headers }: NatsMessage): void {
    const name = nameIn(this.#prefix, subject);
    if (name === undefined) return;
    const { runtime } = this.#link;
    const event = readEvent(name, bytes, headers, () => ({
      id: runtime.uniqueId(),
      publishedAt: runtime.clock.now(),
    }));
    this.#queue.push({ event, attempt: 1 });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#link.watchers.delete(this.#watcher);
    await this.#subscribed?.drain?.();
    await this.#queue.close();
    this.#over();
  }

  /** Waits for nothing. */
  destroy(): void {
    this.#link.watchers.delete(this.#watcher);
    this.#subscribed?.();
    this.#queue.destroy();
    this.#over();
  }
}
