import { silence } from "./call-object.ts";

const DONE: IteratorResult<unknown> = { value: undefined, done: true };

/** An iterator whose source comes later. What is asked of it meanwhile is answered then, in order. */
export class LateIterator implements AsyncIterableIterator<unknown> {
  readonly #source: Promise<AsyncIterator<unknown>>;
  readonly #abandoned: () => void;
  #attach!: (source: AsyncIterator<unknown>) => void;
  #fail!: (error: unknown) => void;
  #now: AsyncIterator<unknown> | undefined;
  /** Its error was given. */
  #over = false;

  /** @param abandoned the reader went away before there was a source */
  constructor(abandoned: () => void) {
    this.#abandoned = abandoned;
    this.#source = silence(
      new Promise((resolve, reject) => {
        this.#attach = resolve;
        this.#fail = reject;
      }),
    );
  }

  attach(source: AsyncIterator<unknown>): void {
    this.#now = source;
    this.#attach(source);
  }
  fail(error: unknown): void {
    this.#fail(error);
  }

  next(): Promise<IteratorResult<unknown>> {
    if (this.#now !== undefined) return this.#now.next();
    return this.#source.then(
      (source) => source.next(),
      (error) => {
        if (this.#over) return DONE;
        this.#over = true;
        throw error;
      },
    );
  }

  async return(): Promise<IteratorResult<unknown>> {
    if (this.#now === undefined) {
      this.#abandoned();
      this.attach({ next: () => Promise.resolve(DONE) });
    }
    await this.#now?.return?.();
    return DONE;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
