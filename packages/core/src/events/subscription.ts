import type { CallContext } from "../context.ts";
import { validatePayload } from "../definition/validate.ts";
import type { ContextStore, Logger } from "../runtime.ts";
import type { BusDelivery, BusReceiver, EventBus } from "./event-bus.ts";
import type { EventCodecs } from "./event-codecs.ts";
import type { EventHandler } from "./event-handler.ts";
import type { SubscriptionReport } from "./event-report.ts";
import { EventRun, type RunHost } from "./event-run.ts";

export interface SubscriptionOptions {
  readonly bus: EventBus;
  readonly codecs: EventCodecs;
  readonly logger: Logger;
  readonly contextStore: ContextStore<CallContext> | undefined;
  readonly handler: EventHandler;
  /** "" without one. */
  readonly service: string;
}

/** One handler at one bus: reads what comes, runs the handler, counts, and says what fails. */
export class EventSubscription implements RunHost {
  draining = false;
  readonly service: string;
  readonly label: string;
  readonly logger: Logger;
  readonly #o: SubscriptionOptions;
  readonly #running = new Set<EventRun>();
  #receiver: BusReceiver | undefined;
  #handled = 0;
  #failed = 0;
  #redelivered = 0;
  #dropped = 0;

  constructor(options: SubscriptionOptions) {
    this.#o = options;
    this.service = options.service;
    this.label = options.handler.label;
    this.logger = options.logger;
  }

  /** Rejects when the bus refuses it. */
  async open(): Promise<void> {
    const { bus, handler } = this.#o;
    const { name, queue, concurrency, from } = handler;
    this.#receiver = await bus.subscribe({
      name,
      queue,
      concurrency,
      from,
      handle: (delivery) => this.#handle(delivery),
      onTrouble: (error, lost = 0) => this.#trouble(error, lost),
    });
  }

  /** Takes no more, and resolves once what runs has ended. */
  async close(): Promise<void> {
    this.draining = true;
    await this.#receiver?.close();
  }

  /** Tells the handlers that run. */
  abort(reason: unknown): void {
    for (const run of this.#running) run.abort(reason);
  }

  get running(): number {
    return this.#running.size;
  }

  report(): SubscriptionReport {
    const { name, queue, label } = this.#o.handler;
    return {
      event: name,
      queue,
      handler: label,
      running: this.#running.size,
      handled: this.#handled,
      failed: this.#failed,
      redelivered: this.#redelivered,
      dropped: this.#dropped,
    };
  }

  async #handle(delivery: BusDelivery): Promise<void> {
    const run = new EventRun(this, delivery);
    this.#running.add(run);
    if (delivery.attempt > 1) this.#redelivered++;
    try {
      await this.#enter(run, delivery);
      this.#handled++;
    } catch (error) {
      this.#fail(run, error);
      throw error;
    } finally {
      this.#running.delete(run);
    }
  }

  async #enter(run: EventRun, { event }: BusDelivery): Promise<void> {
    const { codecs, contextStore, handler } = this.#o;
    const payload = await validatePayload(handler.schema, event.name, codecs.decode(event));
    const invoke = (given: unknown): unknown => handler.handle(given, run.context);
    await (contextStore === undefined ? invoke(payload) : contextStore.run(run.asCall(), invoke, payload));
  }

  #fail(run: EventRun, error: unknown): void {
    this.#failed++;
    const { bus } = this.#o;
    const again =
      bus.delivery === "at-least-once" ? "it is given again, or given up" : "it is not given again";
    run.log.error({ attempt: run.attempt, err: error }, `the handler of ${run.name} failed: ${again}`);
  }

  #trouble(error: Error, lost: number): void {
    this.#dropped += lost;
    const { name: event, queue } = this.#o.handler;
    this.logger.warn(
      { event, queue, ...(this.label !== "" && { handler: this.label }), lost, err: error },
      `events of ${this.#o.bus.name}: ${error.message}`,
    );
  }
}
