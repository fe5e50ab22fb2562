/** Handlers that are done sooner than this have the next events fetched ahead of them, ms. */
const QUICK_MS = 20;
const LEAST_AHEAD = 16;
const MOST_AHEAD = 256;

/** Counts what was asked for and has not come: how many events to ask for next. */
export class Pulls {
  readonly #concurrency: number;
  readonly #asked = new Map<number, number>();
  #outstanding = 0;
  #meanMs = Number.POSITIVE_INFINITY;
  #last = 0;
  /** Requests up to this one count no more. */
  #forgotten = 0;

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
  }

  /** Asked for, and not come. */
  get outstanding(): number {
    return this.#outstanding;
  }

  /** A handler took so long. */
  handled(ms: number): void {
    this.#meanMs = this.#meanMs === Number.POSITIVE_INFINITY ? ms : this.#meanMs * 0.9 + ms * 0.1;
  }

  /** What waits behind slow handlers, others could handle. */
  get #ahead(): number {
    if (this.#meanMs > QUICK_MS) return 0;
    return Math.min(Math.max(this.#concurrency, LEAST_AHEAD), MOST_AHEAD);
  }

  /** How many to ask for, given how many are handled or wait here; 0: none now. */
  want(held: number): number {
    const ahead = this.#ahead;
    const room = this.#concurrency + ahead - held - this.#outstanding;
    return room >= Math.max(1, ahead / 2) ? room : 0;
  }

  /** Returns the number of the request. */
  asked(count: number): number {
    this.#asked.set(++this.#last, count);
    this.#outstanding += count;
    return this.#last;
  }

  /** One came: of the request that was first, as nobody says of which. */
  came(): void {
    for (const [request, count] of this.#asked) {
      if (count > 1) this.#asked.set(request, count - 1);
      else this.#asked.delete(request);
      break;
    }
    this.#less(1);
  }

  /** A request has ended. `left`: so many will not come, where the server says so. */
  ended(request: number, left = this.#asked.get(request) ?? 0): void {
    if (request <= this.#forgotten) return;
    this.#asked.delete(request);
    this.#less(left);
  }

  #less(count: number): void {
    this.#outstanding -= count;
    if (this.#outstanding <= 0) this.reset();
  }

  /** Nothing that was asked for will come, and its end changes nothing: a server may keep it over a reconnection. */
  reset(): void {
    this.#forgotten = this.#last;
    this.#outstanding = 0;
    this.#asked.clear();
  }
}
