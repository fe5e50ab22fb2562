import type { Snapshot } from "@skein/core";

/** A watch's iterator: the newest snapshot only, whoever is slow. */
export class SnapshotFeed implements AsyncIterableIterator<Snapshot> {
  #newest: Snapshot | undefined;
  #pending: Promise<IteratorResult<Snapshot>> | undefined;
  #settle: ((result: IteratorResult<Snapshot>) => void) | undefined;
  #ended = false;
  readonly #signal: AbortSignal;
  readonly #onEnd: () => void;
  readonly #end = (): void => this.end();

  /** @param onEnd called once, when nobody listens any more; with a signal that has aborted, at the first push() */
  constructor(signal: AbortSignal, onEnd: () => void) {
    this.#signal = signal;
    this.#onEnd = onEnd;
    signal.addEventListener("abort", this.#end, { once: true });
  }

  push(snapshot: Snapshot): void {
    if (this.#signal.aborted) this.end();
    if (this.#ended) return;
    if (this.#settle === undefined) this.#newest = snapshot;
    else this.#answer({ value: snapshot, done: false });
  }

  /** Idempotent. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#newest = undefined;
    this.#signal.removeEventListener("abort", this.#end);
    this.#onEnd();
    this.#answer({ value: undefined, done: true });
  }

  #answer(result: IteratorResult<Snapshot>): void {
    this.#settle?.(result);
    this.#settle = undefined;
    this.#pending = undefined;
  }

  next(): Promise<IteratorResult<Snapshot>> {
    const newest = this.#newest;
    this.#newest = undefined;
    if (newest !== undefined) return Promise.resolve({ value: newest, done: false });
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    this.#pending ??= new Promise((resolve) => {
      this.#settle = resolve;
    });
    return this.#pending;
  }

  return(): Promise<IteratorResult<Snapshot>> {
    this.end();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
