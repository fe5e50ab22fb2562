/** Where a pump's items go. */
export interface PumpSink {
  /** Sends an item. False: no more until resume() of the pump. @throws what the input failed with: an item that cannot be written */
  send(item: unknown): boolean;
  /** An item is asked for: the iterable was touched. */
  taken(): void;
  ended(): void;
  failed(error: unknown): void;
}

/** Drains an iterable item by item, no faster than its sink takes them. */
export class InputPump {
  readonly #sink: PumpSink;
  readonly #iterator: AsyncIterator<unknown> | Iterator<unknown>;
  #asking = false;
  #blocked = false;
  #over = false;
  readonly #onItem = (result: IteratorResult<unknown>): void => this.#item(result);
  readonly #onError = (error: unknown): void => this.#fail(error);

  /** @throws what opening the iterable throws; a TypeError where it is none */
  constructor(input: unknown, sink: PumpSink) {
    this.#iterator = openIterator(input);
    this.#sink = sink;
  }

  /** From the beginning, and after send() was false. */
  resume(): void {
    this.#blocked = false;
    if (this.#over || this.#asking) return;
    this.#asking = true;
    this.#sink.taken();
    try {
      // Plain iterables are stepped through promises as well: a long one must not hold up the loop.
      Promise.resolve(this.#iterator.next()).then(this.#onItem, this.#onError);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** No more is sent, and the iterable is closed (its `finally` blocks run). Idempotent. */
  stop(): void {
    if (this.#over) return;
    this.#over = true;
    this.#close();
  }

  #item(result: IteratorResult<unknown>): void {
    this.#asking = false;
    if (this.#over) return;
    try {
      if (result.done === true) {
        this.#over = true;
        return this.#sink.ended();
      }
      this.#blocked = !this.#sink.send(result.value);
    } catch (error) {
      this.#close();
      return this.#fail(error);
    }
    if (!this.#blocked) this.resume();
  }

  #fail(error: unknown): void {
    this.#asking = false;
    if (this.#over) return;
    this.#over = true;
    this.#sink.failed(error);
  }

  #close(): void {
    try {
      // The stream is over for everybody else: what its clean-up throws has nobody to go to.
      void Promise.resolve(this.#iterator.return?.()).catch(() => {});
    } catch {}
  }
}

function openIterator(input: unknown): AsyncIterator<unknown> | Iterator<unknown> {
  const { [Symbol.asyncIterator]: asynchronous, [Symbol.iterator]: plain } = Object(input) as Partial<
    AsyncIterable<unknown> & Iterable<unknown>
  >;
  if (asynchronous !== undefined) return asynchronous.call(input as AsyncIterable<unknown>);
  if (plain === undefined || typeof input === "string") throw new TypeError("it is no iterable of items");
  return plain.call(input as Iterable<unknown>);
}
