import type { BusDelivery, BusSubscription } from "./event-bus.ts";

/** Events that wait for a handler, in the memory of one process. */
const MOST_WAITING = 65_536;

export interface DeliveryQueueOptions {
  readonly subscription: BusSubscription;
  /** Runs `fn` later, outside of whoever hands an event in. */
  readonly defer: (fn: () => void) => void;
  /** Events that wait at most; what comes then is dropped, and said. @default 65_536 */
  readonly mostWaiting?: number | undefined;
}

/**
 * For a bus that cannot hold events back: keeps what has arrived, in order, and runs a subscription's handler on it, as many at once as its
 * concurrency says.
 */
export class DeliveryQueue {
  readonly #subscription: BusSubscription;
  readonly #defer: (fn: () => void) => void;
  readonly #mostWaiting: number;
  #waiting: BusDelivery[] = [];
  /** Of the first that waits: taking it costs no copy of the rest. */
  #next = 0;
  #running = 0;
  #deferred = false;
  #dropped = 0;
  #closing = false;
  #destroyed = false;
  #ended: (() => void)[] = [];

  constructor({ subscription, defer, mostWaiting = MOST_WAITING }: DeliveryQueueOptions) {
    this.#subscription = subscription;
    this.#defer = defer;
    this.#mostWaiting = mostWaiting;
  }

  /** Events that arrived and were not begun. */
  get waiting(): number {
    return this.#waiting.length - this.#next;
  }
  get running(): number {
    return this.#running;
  }

  /** Drops the event, and says so, when too many wait; ignores it after close(). */
  push(delivery: BusDelivery): void {
    if (this.#closing || this.#destroyed) return;
    if (this.waiting >= this.#mostWaiting) {
      this.#drop();
      return;
    }
    this.#waiting.push(delivery);
    if (this.#deferred || this.#running >= this.#subscription.concurrency) return;
    this.#deferred = true;
    this.#defer(() => {
      this.#deferred = false;
      this.#pump();
    });
  }

  /** Takes no more, and resolves once what has arrived is handled. */
  close(): Promise<void> {
    this.#closing = true;
    return new Promise((resolve) => {
      this.#ended.push(resolve);
      this.#settle();
    });
  }

  /** Begins nothing any more, and waits for nothing. */
  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    const lost = this.waiting;
    this.#waiting = [];
    this.#next = 0;
    if (lost > 0) this.#tell(`${lost} events that waited for their handler are lost: it was closed`, lost);
    for (const tell of this.#ended.splice(0)) tell();
  }

  #pump(): void {
    while (this.#running < this.#subscription.concurrency && this.waiting > 0) {
      const delivery = this.#waiting[this.#next] as BusDelivery;
      this.#next++;
      if (this.#next > 1024 && this.#next * 2 > this.#waiting.length) {
        this.#waiting = this.#waiting.slice(this.#next);
        this.#next = 0;
      }
      this.#run(delivery);
    }
    if (this.waiting === 0) {
      this.#waiting = [];
      this.#next = 0;
      this.#sayDropped();
    }
    this.#settle();
  }

  #run(delivery: BusDelivery): void {
    this.#running++;
    const ended = (): void => {
      this.#running--;
      this.#pump();
    };
    // What fails is told by whoever handles it.
    this.#subscription.handle(delivery).then(ended, ended);
  }

  #settle(): void {
    if (this.#closing && this.#running === 0 && this.waiting === 0)
      for (const tell of this.#ended.splice(0)) tell();
  }

  #drop(): void {
    this.#dropped++;
    if (this.#dropped === 1)
      this.#tell(`events are dropped from now on, as ${this.#mostWaiting} wait for their handler`, 1);
  }

  #sayDropped(): void {
    if (this.#dropped > 1)
      this.#tell(`${this.#dropped} events were dropped, as too many waited`, this.#dropped - 1);
    this.#dropped = 0;
  }

  #tell(text: string, lost: number): void {
    this.#subscription.onTrouble(new Error(`${this.#subscription.name}: ${text}`), lost);
  }
}
