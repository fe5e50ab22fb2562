import type { Snapshot } from "@skein/core";

/** A watch's iterator: the newest snapshot only, whoever is slow. */
export class SnapshotFeed implements AsyncIterableIterator<Snapshot> {
  #newest: Snapshot | undefined;
  #waiting: ((result: IteratorResult<Snapshot>) => void) | undefined;
  #ended = false;
  readonly #onEnd: () => void;

  /** @param onEnd called once, when nobody listens any more */
  constructor(signal: AbortSignal, onEnd: () => void) {
    const end = (): void => this.#end();
    this.#onEnd = () => {
      signal.removeEventListener("abort", end);
      onEnd();
    };
    if (signal.aborted) this.#ended = true;
    else signal.addEventListener("abort", end, { once: true });
  }

  push(snapshot: Snapshot): void {
    if (this.#ended) return;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) this.#newest = snapshot;
    else waiting({ value: snapshot, done: false });
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#newest = undefined;
    this.#onEnd();
    this.#waiting?.({ value: undefined, done: true });
  }

  next(): Promise<IteratorResult<Snapshot>> {
    const newest = this.#newest;
    this.#newest = undefined;
    if (newest !== undefined) return Promise.resolve({ value: newest, done: false });
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  return(): Promise<IteratorResult<Snapshot>> {
    this.#end();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
