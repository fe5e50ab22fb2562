import { CodecError } from "../codec.ts";
import type { Metadata } from "../context.ts";
import { validatePayload } from "../definition/validate.ts";
import { RpcError } from "../errors/rpc-error.ts";
import { type AnyEvent, isDefinedEvent } from "./define-events.ts";
import type { BusEvent } from "./event-bus.ts";
import { createEventCodecs } from "./event-codecs.ts";
import type { EventHandler } from "./event-handler.ts";
import { checkMetadata, eventIdFault } from "./event-metadata.ts";
import { eventNameFault } from "./event-names.ts";
import type {
  AttachedHandlers,
  EventsHub,
  EventsOptions,
  PublishOptions,
  Subscription,
} from "./events-client.ts";
import { publishOptionsFault } from "./publish-options.ts";
import { type EventOptions, resolveSubscription, subscriptionFault } from "./subscribe-options.ts";
import { EventSubscription } from "./subscription.ts";

/** Handlers that were told that their time is up: how long they may take to end, ms. */
const LAST_MS = 250;
/** A bus that does not answer is left, ms. */
const LEAVE_MS = 1000;
/** As is one that does not say whether it has what was published, where nobody is in a hurry, ms. */
const CONFIRM_MS = 5000;
type Handle = EventHandler["handle"];

/** Publishes and subscribes over any bus. */
export function createEvents<E>(options: EventsOptions): EventsHub<E> {
  return new Hub(options) as unknown as EventsHub<E>;
}

class Hub {
  readonly #o: EventsOptions;
  readonly #codecs;
  readonly #open = new Set<EventSubscription>();
  readonly #publishing = new Set<Promise<void>>();
  #published = 0;
  #failed = 0;
  /** Nothing can be subscribed to any more. */
  #draining = false;
  #closing: Promise<void> | undefined;

  constructor(options: EventsOptions) {
    this.#o = options;
    this.#codecs = createEventCodecs(options.codecs);
  }

  publish(event: string | AnyEvent, payload?: unknown, options: PublishOptions = {}): Promise<void> {
    const publishing = this.#publish(event, payload, options);
    this.#publishing.add(publishing);
    // What its publisher gets is a promise of its own: one that nobody looks at is unhandled still.
    return publishing.finally(() => this.#publishing.delete(publishing));
  }

  async #publish(event: string | AnyEvent, payload: unknown, options: PublishOptions): Promise<void> {
    try {
      const sent = await this.#toEvent(event, payload, options);
      await givingUp(this.#o.bus.publish(sent), sent.name, options.signal);
      this.#published++;
    } catch (error) {
      this.#failed++;
      throw error;
    }
  }

  async #toEvent(event: string | AnyEvent, payload: unknown, options: PublishOptions): Promise<BusEvent> {
    const { name, schema } = named(event);
    const wrong = eventNameFault(name) ?? publishOptionsFault(options);
    if (wrong !== undefined) throw refusal(name, wrong);
    const id = options.id ?? this.#o.runtime.uniqueId();
    const fault = eventIdFault(id);
    if (fault !== undefined) throw refusal(name, fault);
    if (options.signal?.aborted === true) throw givenUp(name, "no", options.signal);
    // Before anything is awaited: the call that is being served may be another one afterwards.
    const metadata = this.#metadata(name, options.metadata ?? {});
    if (schema !== undefined) await validatePayload(schema, name, payload);
    return {
      name,
      id,
      publishedAt: this.#o.runtime.clock.now(),
      metadata,
      contentType: this.#codecs.contentType,
      payload: this.#encode(name, payload),
    };
  }

  #metadata(name: string, given: Metadata): Metadata {
    const traceparent = this.#o.contextStore?.get()?.traceparent;
    try {
      return checkMetadata(traceparent === undefined ? given : { traceparent, ...given });
    } catch (error) {
      throw refusal(name, (error as Error).message);
    }
  }

  #encode(name: string, payload: unknown): Uint8Array {
    try {
      return this.#codecs.encode(payload);
    } catch (error) {
      throw error instanceof CodecError ? refusal(name, error.message, error) : error;
    }
  }

  async subscribe(
    event: string | AnyEvent,
    handle: Handle,
    options: EventOptions = {},
  ): Promise<Subscription> {
    const { name, schema } = named(event);
    const fault = subscriptionFault(name, options);
    if (fault !== undefined) throw refusal(name, fault);
    if (typeof handle !== "function")
      throw refusal(
        name,
        `the handler is ${handle === null || handle === undefined ? handle : `of type ${typeof handle}`}: give a function`,
      );
    const { queue } = options;
    const handler = { name, schema, queue, ...resolveSubscription(options), label: "", handle };
    const subscription = await this.#subscribe(handler, "");
    const close = (): Promise<void> => this.#close([subscription]);
    return { close, [Symbol.asyncDispose]: close };
  }

  async attach(service: string, handlers: readonly EventHandler[]): Promise<AttachedHandlers> {
    const all = await Promise.allSettled(handlers.map((handler) => this.#subscribe(handler, service)));
    // What opened before is drained, within its grace, by whoever drains all.
    this.#refuseDraining();
    const open = all.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    const refused = all.find((one) => one.status === "rejected");
    if (refused !== undefined) {
      await this.#drain(open, 0);
      throw refused.reason;
    }
    return { drain: (graceMs) => this.#drain(open, graceMs) };
  }

  /** What opens while all are drained is closed at once. */
  async #subscribe(handler: EventHandler, service: string): Promise<EventSubscription> {
    this.#refuseDraining();
    const { bus, logger, contextStore } = this.#o;
    const subscription = new EventSubscription({
      bus,
      logger,
      contextStore,
      codecs: this.#codecs,
      handler,
      service,
    });
    await subscription.open();
    this.#open.add(subscription);
    if (this.#draining) await this.#close([subscription]);
    return subscription;
  }

  #refuseDraining(): void {
    if (!this.#draining) return;
    const fault = "nothing can be subscribed to: these events are draining, or closed";
    throw new RpcError("FAILED_PRECONDITION", fault, { executed: "no" });
  }

  report() {
    return {
      published: this.#published,
      failed: this.#failed,
      subscriptions: [...this.#open].map((one) => one.report()),
    };
  }

  close(graceMs?: number): Promise<void> {
    this.#draining = true;
    this.#closing ??= this.#leave(graceMs);
    return this.#closing;
  }

  async #leave(graceMs: number | undefined): Promise<void> {
    if (graceMs === undefined) {
      await this.#close([...this.#open]);
      await this.#allPublished(CONFIRM_MS);
      await this.#o.bus.close();
    } else {
      await this.drain(graceMs);
      await this.#allPublished(LEAVE_MS);
      await this.#within(this.#o.bus.close(), LEAVE_MS);
    }
  }

  /** Of what is on its way now, each publisher is told what became of it. */
  async #allPublished(ms: number): Promise<void> {
    if (this.#publishing.size === 0) return;
    const settled = Promise.allSettled(this.#publishing).then(() => {});
    await this.#within(settled, ms);
  }

  drain(graceMs: number): Promise<void> {
    this.#draining = true;
    return this.#drain([...this.#open], graceMs);
  }

  async #close(subscriptions: readonly EventSubscription[]): Promise<void> {
    await Promise.all(subscriptions.map((one) => one.close()));
    for (const one of subscriptions) this.#open.delete(one);
  }

  async #drain(subscriptions: readonly EventSubscription[], graceMs: number): Promise<void> {
    const closed = this.#close(subscriptions);
    if (await this.#within(closed, graceMs)) return;
    const running = subscriptions.reduce((n, one) => n + one.running, 0);
    if (running > 0)
      this.#o.logger.warn(
        { running, graceMs },
        "handlers of events still run: they are told that their time is up",
      );
    for (const one of subscriptions) one.abort(new Error("the process ends, and has waited long enough"));
    await this.#within(closed, LAST_MS);
    for (const one of subscriptions) this.#open.delete(one);
  }

  /** False: it took longer. What fails is said to whoever closed. */
  #within(promise: Promise<void>, ms: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const timer = this.#o.runtime.clock.setTimer(ms, () => resolve(false));
      promise.then(
        () => {
          timer.cancel();
          resolve(true);
        },
        (error: unknown) => {
          timer.cancel();
          reject(error);
        },
      );
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function named(event: string | AnyEvent): { name: string; schema: AnyEvent["schema"] | undefined } {
  return isDefinedEvent(event) ? event : { name: event, schema: undefined };
}

function refusal(name: unknown, fault: string, cause?: unknown): RpcError {
  const shown = typeof name === "string" ? name.slice(0, 80) : typeof name;
  return new RpcError("INVALID_ARGUMENT", `event ${JSON.stringify(shown)}: ${fault}`, {
    executed: "no",
    cause,
  });
}

/** The first of both. */
function givingUp(published: Promise<void>, name: string, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return published;
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(givenUp(name, "maybe", signal));
    signal.addEventListener("abort", giveUp, { once: true });
    if (signal.aborted) giveUp();
    const done = (): void => signal.removeEventListener("abort", giveUp);
    published.then(resolve, reject).finally(done);
  });
}

function givenUp(name: string, executed: "no" | "maybe", signal: AbortSignal): RpcError {
  return new RpcError("CANCELLED", `${name}: its publisher has given up`, { executed, cause: signal.reason });
}
