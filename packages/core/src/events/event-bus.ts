import type { Metadata } from "../context.ts";

/**
 * Carries events from whoever publishes to whoever subscribes; knows nothing of codecs, schemas and services.
 * Every bus passes `busConformance`. Names, patterns, queues and metadata are checked before a bus sees them.
 */
export interface EventBus {
  /** For messages: a URL without credentials. */
  readonly name: string;
  /**
   * What subscribers can count on. `at-least-once`: an event is stored, and given again until its handler has
   * succeeded.
   */
  readonly delivery: "at-most-once" | "at-least-once";
  /**
   * Resolves once the bus has taken it: `at-least-once`, once it is stored. Rejects with an RpcError that says
   * whether it may have arrived (`executed`); nothing is published into the void. Nobody who listens is no error.
   * A payload that is too large is RESOURCE_EXHAUSTED, `executed: "no"`.
   */
  publish(event: BusEvent): Promise<void>;
  /**
   * Resolves once what is published from then on is received. Lasts over reconnections. Rejects when the bus
   * refuses it.
   */
  subscribe(subscription: BusSubscription): Promise<BusReceiver>;
  /** Ends all receivers without waiting for handlers, and the connection. Idempotent. */
  close(): Promise<void>;
}

/** An event on its way. */
export interface BusEvent {
  /** Tokens (`A-Z a-z 0-9 _ -`) with dots between, at most 200 characters: `user.created`. */
  readonly name: string;
  /**
   * Of this event alone. Published again with the same id within a durable bus's window, it is stored once.
   * Printable ASCII without spaces, at most 128 characters.
   */
  readonly id: string;
  /** When it was published, ms since 1970. */
  readonly publishedAt: number;
  /**
   * Travels with it, the trace (`traceparent`) included. Keys: `a-z 0-9 _ . -`. Values: any text without control
   * characters.
   */
  readonly metadata: Metadata;
  /** Media type of the payload: `application/json`. */
  readonly contentType: string;
  readonly payload: Uint8Array;
}

export interface BusSubscription {
  /** A name; `*` stands for one token, `>` at the end for one or more. */
  readonly name: string;
  /**
   * Each event goes to one of those that give the same name and queue: one queue's subscriptions to `user.created` and
   * `user.*` get it once each. Undefined: to everyone. Written as an event's name is, at most 128 characters.
   */
  readonly queue: string | undefined;
  /** Handlers that run at once; a bus holds back what is more, as far as it can. */
  readonly concurrency: number;
  /**
   * Where a durable bus begins when it does not know the subscription yet: with what comes, with all that is stored,
   * or at a time (ms since 1970).
   */
  readonly from: "new" | "all" | number;
  /** Resolves: handled. Rejects: failed; a durable bus gives it again. Never throws at once. */
  handle(delivery: BusDelivery): Promise<void>;
  /**
   * Something that a subscriber should know of and nobody is told otherwise: an event given up, one that was dropped
   * as too many wait, a subscription that the server ended. Never throws.
   * @param lost how many events it cost, where that is known. @default 0
   */
  onTrouble(error: Error, lost?: number): void;
}

export interface BusDelivery {
  readonly event: BusEvent;
  /** 1 the first time. */
  readonly attempt: number;
}

/** A subscription that is received. */
export interface BusReceiver {
  /**
   * Takes no more events, and resolves once the handlers that run have ended. What was received and not begun: a
   * durable bus leaves it to others, at once; any other handles it still, as nobody else has it. Idempotent.
   */
  close(): Promise<void>;
}
