import type { Runtime } from "../runtime.ts";

/** Where a pump's items go. */
export interface ItemSink {
  /** Sends items in one frame and returns its bytes. Throws when they cannot be encoded. */
  send(items: readonly unknown[]): number;
  /** The sink's connection holds too much: call resume() of the pump when it does not. True: wait. */
  blocked(): boolean;
  /** An item is asked for: the iterable was touched. */
  taken(): void;
  /** All items were sent. */
  ended(): void;
  /** The iterable failed, or an item could not be encoded; nothing is sent any more. */
  failed(error: unknown): void;
}

/** Items of one tick leave in one frame: so many at the most, */
const MOST_ITEMS = 64;
/** and about so many bytes, guessed from the frames before. */
const BATCH_BYTES = 16 * 1024;

/**
 * Drains an async iterable into frames, within the credit (bytes) that the reader gives. Items are asked for one by one with
 * `next().then(one callback)`; `for await` costs a fifth of the rate.
 */
export class ItemPump {
  readonly #runtime: Runtime;
  readonly #sink: ItemSink;
  readonly #iterator: AsyncIterator<unknown> | Iterator<unknown>;
  #credit: number;
  #items: unknown[] = [];
  #limit = 1;
  #scheduled = false;
  /** An item has been asked for and has not come. */
  #asking = false;
  /** The sink was blocked: it calls resume(). */
  #waiting = false;
  #stopped = false;
  #closing = false;
  /** How the iterable ended; items that it gave before, and that wait for credit, are sent first. */
  #outcome: { readonly error: unknown; readonly failed: boolean } | undefined;
  readonly #onItem = (result: IteratorResult<unknown>): void => this.#item(result);
  readonly #onError = (error: unknown): void => this.#fail(error);
  readonly #flushLater = (): void => {
    this.#scheduled = false;
    this.#flush();
  };

  constructor(
    runtime: Runtime,
    source: AsyncIterable<unknown> | Iterable<unknown>,
    credit: number,
    sink: ItemSink,
  ) {
    this.#runtime = runtime;
    this.#sink = sink;
    this.#credit = credit;
    const asynchronous = (source as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator];
    this.#iterator =
      asynchronous === undefined
        ? (source as Iterable<unknown>)[Symbol.iterator]()
        : asynchronous.call(source);
  }

  /** Asks for the first item. */
  start(): void {
    this.#step();
  }

  addCredit(bytes: number): void {
    this.#credit += bytes;
    this.#flush();
    this.#step();
  }

  /** The sink is no longer blocked. */
  resume(): void {
    this.#waiting = false;
    this.#flush();
    this.#step();
  }

  /** No more is sent and the iterable is closed (its `finally` blocks run). Resolves once it is. Idempotent. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#items = [];
    await this.#closeIterator();
  }

  async #closeIterator(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    try {
      await this.#iterator.return?.();
    } catch {
      // The stream is over for everybody else: what its clean-up throws has nobody to go to.
    }
  }

  #step(): void {
    if (this.#stopped || this.#outcome !== undefined || this.#asking || this.#waiting || this.#credit <= 0)
      return;
    // One call of resume() is asked for, however often credit comes meanwhile.
    this.#waiting = true;
    if (this.#sink.blocked()) return;
    this.#waiting = false;
    this.#asking = true;
    this.#sink.taken();
    try {
      const result = this.#iterator.next();
      // Plain iterables are stepped through promises as well: a long one must not hold up the loop.
      if (typeof (result as Promise<unknown>).then === "function")
        (result as Promise<IteratorResult<unknown>>).then(this.#onItem, this.#onError);
      else Promise.resolve(result as IteratorResult<unknown>).then(this.#onItem, this.#onError);
    } catch (error) {
      this.#fail(error);
    }
  }

  #item(result: IteratorResult<unknown>): void {
    this.#asking = false;
    if (this.#stopped) return;
    try {
      if (result.done === true) {
        this.#closing = true;
        this.#outcome = { error: undefined, failed: false };
      } else this.#items.push(result.value);
    } catch (error) {
      // A hand-written iterator gave no result, or one that cannot be read.
      this.#outcome = { error, failed: true };
    }
    if (this.#outcome !== undefined) return this.#flush();
    if (this.#items.length >= this.#limit) this.#flush();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      this.#runtime.defer(this.#flushLater);
    }
    this.#step();
  }

  #fail(error: unknown): void {
    this.#asking = false;
    if (this.#stopped) return;
    this.#outcome = { error, failed: true };
    this.#flush();
  }

  #flush(): void {
    if (this.#stopped) return;
    if (this.#items.length > 0 && this.#credit > 0) this.#send();
    if (this.#items.length > 0 || this.#outcome === undefined || this.#stopped) return;
    this.#stopped = true;
    if (this.#outcome.failed) this.#sink.failed(this.#outcome.error);
    else this.#sink.ended();
  }

  #send(): void {
    const items = this.#items;
    this.#items = [];
    let bytes: number;
    try {
      bytes = this.#sink.send(items);
    } catch (error) {
      if (items.length === 1) this.#broken(error);
      else this.#oneByOne(items);
      return;
    }
    this.#credit -= bytes;
    const fitting = Math.floor((BATCH_BYTES * items.length) / bytes);
    this.#limit = Math.max(1, Math.min(MOST_ITEMS, fitting, 4 * items.length));
  }

  /** One of them cannot be encoded, or all together are too long: each is sent alone, while there is credit. */
  #oneByOne(items: readonly unknown[]): void {
    this.#limit = 1;
    for (let i = 0; i < items.length; i++) {
      if (this.#credit <= 0) {
        this.#items = items.slice(i);
        return;
      }
      try {
        this.#credit -= this.#sink.send([items[i]]);
      } catch (error) {
        this.#broken(error);
        return;
      }
    }
  }

  #broken(error: unknown): void {
    void this.#closeIterator();
    this.#outcome = { error, failed: true };
  }
}
