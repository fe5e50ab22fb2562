import type { CallContext, Metadata } from "../context.ts";
import type { Logger } from "../runtime.ts";
import type { BusDelivery } from "./event-bus.ts";
import type { EventContext } from "./event-context.ts";

/** What one run of a handler asks of its subscription. */
export interface RunHost {
  readonly logger: Logger;
  /** Of the service whose handler it is; "" without one. */
  readonly service: string;
  readonly label: string;
  readonly draining: boolean;
}

/** One event being handled: the handler's context. What is not asked for is not made. */
export class EventRun {
  readonly #host: RunHost;
  readonly #delivery: BusDelivery;
  #aborted = false;
  #reason: unknown;
  #callbacks: Set<(reason: unknown) => void> | undefined;
  #controller: AbortController | undefined;
  #log: Logger | undefined;

  constructor(host: RunHost, delivery: BusDelivery) {
    this.#host = host;
    this.#delivery = delivery;
  }

  get context(): EventContext {
    return this as unknown as EventContext;
  }
  get name(): string {
    return this.#delivery.event.name;
  }
  get id(): string {
    return this.#delivery.event.id;
  }
  get publishedAt(): number {
    return this.#delivery.event.publishedAt;
  }
  get attempt(): number {
    return this.#delivery.attempt;
  }
  get metadata(): Metadata {
    return this.#delivery.event.metadata;
  }
  get traceparent(): string | undefined {
    return this.#delivery.event.metadata.traceparent;
  }
  get aborted(): boolean {
    return this.#aborted;
  }
  get reason(): unknown {
    return this.#reason;
  }
  get draining(): boolean {
    return this.#host.draining;
  }

  onAbort(callback: (reason: unknown) => void): () => void {
    if (this.#aborted) {
      callback(this.#reason);
      return nothing;
    }
    this.#callbacks ??= new Set();
    this.#callbacks.add(callback);
    return () => void this.#callbacks?.delete(callback);
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  get log(): Logger {
    const { logger, service, label } = this.#host;
    this.#log ??= logger.child({
      ...(service !== "" && { service }),
      handler: label,
      event: this.name,
      id: this.id,
      traceparent: this.traceparent,
    });
    return this.#log;
  }

  /** Tells whoever asked to be told. Idempotent. */
  abort(reason: unknown): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#reason = reason;
    this.#controller?.abort(reason);
    const callbacks = this.#callbacks;
    this.#callbacks = undefined;
    for (const callback of callbacks ?? []) {
      try {
        callback(reason);
      } catch (error) {
        this.#host.logger.error({ err: error, handler: this.#host.label }, "an onAbort callback threw");
      }
    }
  }

  /** What calls that the handler makes inherit: cancellation and trace. An event has no deadline, and given again it is no retry of a call. */
  asCall(): CallContext {
    return new EventCall(this, this.#host) as unknown as CallContext;
  }
}

/** An event as `currentContext()` and clients see it. */
class EventCall {
  readonly instance = "";
  readonly peer = "";
  readonly attempt = 0;
  readonly timeLeftMs = Number.POSITIVE_INFINITY;
  readonly #run: EventRun;
  readonly #host: RunHost;

  constructor(run: EventRun, host: RunHost) {
    this.#run = run;
    this.#host = host;
  }

  get service(): string {
    return this.#host.service;
  }
  get method(): string {
    return this.#host.label;
  }
  get metadata(): Metadata {
    return this.#run.metadata;
  }
  get traceparent(): string | undefined {
    return this.#run.traceparent;
  }
  get aborted(): boolean {
    return this.#run.aborted;
  }
  get reason(): unknown {
    return this.#run.reason;
  }
  get signal(): AbortSignal {
    return this.#run.signal;
  }
  get draining(): boolean {
    return this.#host.draining;
  }
  get log(): Logger {
    return this.#run.log;
  }
  onAbort(callback: (reason: unknown) => void): () => void {
    return this.#run.onAbort(callback);
  }
  /** Nobody who uses it within an event needs it: the handler has its own context's `draining`. */
  onDraining(callback: () => void): () => void {
    if (this.draining) callback();
    return nothing;
  }
}

function nothing(): void {}
