import type { CodecFactory } from "../codec.ts";
import type { CallContext, Metadata } from "../context.ts";
import type { ContextStore, Logger, Runtime } from "../runtime.ts";
import type { NameVerdict, PayloadOf, PublishVerdict } from "../types/event-types.ts";
import type { DefinedEvent } from "./define-events.ts";
import type { EventBus } from "./event-bus.ts";
import type { EventContext } from "./event-context.ts";
import type { EventHandler } from "./event-handler.ts";
import type { EventsReport } from "./event-report.ts";
import type { EventOptions } from "./subscribe-options.ts";

export interface PublishOptions {
  /** Text pairs that travel with it. Keys: letters, digits, `_`, `-` and dots, in lower case. */
  readonly metadata?: Metadata | undefined;
  /**
   * Of this event alone. A durable bus stores what comes twice with one id once, within minutes: give one where you may publish again. @default a UUID
   */
  readonly id?: string | undefined;
  /** Gives up waiting; what is on its way may arrive. */
  readonly signal?: AbortSignal | undefined;
}

/** What is subscribed to. */
export interface Subscription extends AsyncDisposable {
  /** Takes no more, and resolves once the handlers that run have ended. Idempotent. */
  close(): Promise<void>;
}

/** What publish takes: nothing where the event carries nothing. */
type PayloadArguments<P> = [undefined] extends [P]
  ? [payload?: P, options?: PublishOptions]
  : [payload: P, options?: PublishOptions];
type Handler<P> = (payload: P, context: EventContext) => unknown;

/** Publishes events and subscribes to them. `E`: what they carry, by name. */
export interface EventsClient<E> extends AsyncDisposable {
  /**
   * Resolves once the bus has taken it (a durable one: once it is stored); nobody who listens is no error. The trace of the call that is being
   * served goes with it, its deadline does not. Rejects with an RpcError: INVALID_ARGUMENT for names, payloads and metadata that cannot be
   * published, RESOURCE_EXHAUSTED for a payload that is too large; `executed` says whether it may have arrived.
   */
  publish<N extends (keyof E & string) | (string & {})>(
    event: N & PublishVerdict<E, N>,
    ...given: PayloadArguments<PayloadOf<E, N>>
  ): Promise<void>;
  publish<N extends string, In, Out>(
    event: DefinedEvent<N, In, Out>,
    ...given: PayloadArguments<In>
  ): Promise<void>;
  /**
   * Resolves once what is published from then on is received: by everyone who subscribes, or, with `queue`, by one of those that give the same.
   * A handler that fails is logged and counted. Rejects when the name or an option is wrong, the bus refuses it, or these events are closed.
   */
  subscribe<N extends (keyof E & string) | (string & {})>(
    event: N & NameVerdict<E, N>,
    handler: Handler<PayloadOf<E, N>>,
    options?: EventOptions,
  ): Promise<Subscription>;
  subscribe<N extends string, In, Out>(
    event: DefinedEvent<N, In, Out>,
    handler: Handler<Out>,
    options?: EventOptions,
  ): Promise<Subscription>;
  report(): EventsReport;
  /** Takes no more, waits for the handlers that run and, at most 5 s, for what is being published, and leaves the bus. Idempotent. */
  close(): Promise<void>;
}

/** As an app has it: with the handlers of its services. */
export interface EventsHub<E> extends EventsClient<E> {
  /** Subscribes a service's handlers. Rejects, none being subscribed then, when the bus refuses one, or all are drained meanwhile. */
  attach(service: string, handlers: readonly EventHandler[]): Promise<AttachedHandlers>;
  /** For all of them, those of subscribe() as well: see AttachedHandlers.drain(). Nothing can be subscribed to from then on; publishing goes on. */
  drain(graceMs: number): Promise<void>;
  /** @param graceMs as drain() has it, and then the bus is left within two seconds. @default handlers are waited for as long as they take */
  close(graceMs?: number): Promise<void>;
}

export interface AttachedHandlers {
  /**
   * Takes no more at once, and resolves once what runs has ended; what still runs after `graceMs` is told so by its context, and waited for
   * a moment longer.
   */
  drain(graceMs: number): Promise<void>;
}

export interface EventsOptions {
  readonly runtime: Runtime;
  readonly logger: Logger;
  /** Closed with it. */
  readonly bus: EventBus;
  /** The first encodes, all decode. */
  readonly codecs: readonly CodecFactory[];
  /** Where the call that is being served is found, and entered for handlers: the trace is inherited from it. */
  readonly contextStore?: ContextStore<CallContext> | undefined;
}
