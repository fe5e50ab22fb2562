import type { BusEvent } from "@skein/core";

/** An event that was given to us and is not done with. */
export interface Held {
  /** Of the stream. */
  readonly sequence: number;
  /** Of this event alone. */
  readonly key: string;
  readonly event: BusEvent;
  readonly attempt: number;
  /** Subject for what is said of it: the latest. */
  ack: string;
  /** When it came, monotonic ms. */
  readonly since: number;
  /** When the server was last told that we have it, monotonic ms. */
  toldAt: number;
}

/** What a receiver was given: events that wait, in order, and events that are handled. */
export class HeldEvents {
  readonly #all = new Map<string, Held>();
  #waiting: Held[] = [];

  /** Waiting and handled. */
  get size(): number {
    return this.#all.size;
  }

  get(key: string): Held | undefined {
    return this.#all.get(key);
  }

  add(held: Held): void {
    this.#all.set(held.key, held);
    this.#waiting.push(held);
  }

  /** The next to be handled. */
  next(): Held | undefined {
    return this.#waiting.shift();
  }

  /** It is done with. False: it was forgotten meanwhile. */
  remove(held: Held): boolean {
    return this.#all.get(held.key) === held && this.#all.delete(held.key);
  }

  /** Forgets those that wait and of which the server was told before then: it gives them to others. */
  dropToldBefore(time: number): void {
    for (const held of this.#takeWaiting(({ toldAt }) => toldAt < time)) this.remove(held);
  }

  /** Takes those that have waited since before then, and are at an attempt below that, out of the queue; they are done with by whoever asks. */
  takeOlder(than = Number.POSITIVE_INFINITY, below = Number.POSITIVE_INFINITY): readonly Held[] {
    return this.#takeWaiting(({ since, attempt }) => since < than && attempt < below);
  }

  #takeWaiting(which: (held: Held) => boolean): readonly Held[] {
    const taken = this.#waiting.filter(which);
    if (taken.length > 0) this.#waiting = this.#waiting.filter((held) => !which(held));
    return taken;
  }

  /** Those of which the server was not told since then. */
  toldBefore(time: number): readonly Held[] {
    return [...this.#all.values()].filter(({ toldAt }) => toldAt <= time);
  }

  /** No event that is not done with comes before this one; Infinity where there is none. */
  get first(): number {
    return Math.min(...[...this.#all.values()].map(({ sequence }) => sequence));
  }

  /** Numbers mean other events now. What waits and is handled goes on. */
  forgetNumbers(): void {
    this.#all.clear();
  }
}
