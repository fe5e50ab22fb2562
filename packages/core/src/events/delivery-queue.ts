import type { BusDelivery, BusSubscription } from "./event-bus.ts";

/** Events that wait for a handler, in the memory of one process. */
const MOST_WAITING = 65_536;
/** Of their payloads: 65,536 of 1 MiB would fill any memory. */
const MOST_BYTES = 64 * 1024 * 1024;
/** Events that were dropped, and not told while more are. */
const MOST_UNTOLD = 1000;

export interface DeliveryQueueOptions {
  readonly subscription: BusSubscription;
  /** Runs `fn` later, outside of whoever hands an event in. */
  readonly defer: (fn: () => void) => void;
  /** Events that wait at most; what comes then is dropped, and said. @default 65_536 */
  readonly mostWaiting?: number | undefined;
  /** Bytes of payloads: once as many wait, what comes is dropped as well. @default 64 MiB */
  readonly mostBytes?: number | undefined;
}

/**
 * For a bus that cannot hold events back: keeps what has arrived, in order, and runs a subscription's handler on it, as many at once as its
 * concurrency says.
 */
export class DeliveryQueue {
  readonly #subscription: BusSubscription;
  readonly #defer: (fn: () => void) => void;
  readonly #mostWaiting: number;
  readonly #mostBytes: number;
  #waiting: (BusDelivery | undefined)[] = [];
  /** Of the first that waits: taking it costs no copy of the rest. */
  #next = 0;
  #waitingBytes = 0;
  #running = 0;
  #deferred = false;
  /** In the overload that lasts, and those of them that were told. */
  #dropped = 0;
  #told = 0;
  #closing = false;
  #destroyed = false;
  #ended: (() => void)[] = [];

  constructor({
    subscription,
    defer,
    mostWaiting = MOST_WAITING,
    mostBytes = MOST_BYTES,
  }: DeliveryQueueOptions) {
    this.#subscription = subscription;
    this.#defer = defer;
    this.#mostWaiting = mostWaiting;
    this.#mostBytes = mostBytes;
  }

  /** Events that arrived and were not begun. */
  get waiting(): number {
    return this.#waiting.length - this.#next;
  }
  /** Of their payloads. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }
  get running(): number {
    return this.#running;
  }

  /** Drops the event, and says so, when too many wait; ignores it after close(). */
  push(delivery: BusDelivery): void {
    if (this.#closing || this.#destroyed) return;
    if (this.waiting >= this.#mostWaiting || this.#waitingBytes >= this.#mostBytes) {
      this.#drop();
      return;
    }
    this.#waiting.push(delivery);
    this.#waitingBytes += delivery.event.payload.length;
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
    this.#empty();
    if (lost > 0) this.#tell(`${lost} events that waited for their handler are lost: it was closed`, lost);
    for (const tell of this.#ended.splice(0)) tell();
  }

  #pump(): void {
    while (this.#running < this.#subscription.concurrency && this.waiting > 0) {
      const delivery = this.#waiting[this.#next] as BusDelivery;
      this.#waiting[this.#next] = undefined;
      this.#next++;
      this.#waitingBytes -= delivery.event.payload.length;
      if (this.#next > 1024 && this.#next * 2 > this.#waiting.length) {
        this.#waiting = this.#waiting.slice(this.#next);
        this.#next = 0;
      }
      this.#run(delivery);
    }
    if (this.waiting === 0) this.#empty();
    this.#settle();
  }

  #empty(): void {
    this.#waiting = [];
    this.#next = 0;
    this.#waitingBytes = 0;
    if (this.#dropped > this.#told)
      this.#tellDropped(`${this.#dropped} events were dropped, as too many waited`);
    this.#dropped = 0;
    this.#told = 0;
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

  /** Tells of the first, then of as many again, at most of 1,000 at once: soon at any rate, and without a clock. */
  #drop(): void {
    this.#dropped++;
    if (this.#dropped === 1)
      this.#tellDropped(
        `events are dropped from now on, as ${this.waiting} wait for their handler, ${this.#waitingBytes} bytes in all`,
      );
    else if (this.#dropped - this.#told >= Math.min(this.#told, MOST_UNTOLD))
      this.#tellDropped(`${this.#dropped} events were dropped so far, as too many wait`);
  }

  #tellDropped(text: string): void {
    this.#tell(text, this.#dropped - this.#told);
    this.#told = this.#dropped;
  }

  #tell(text: string, lost: number): void {
    this.#subscription.onTrouble(new Error(`${this.#subscription.name}: ${text}`), lost);
  }
}
