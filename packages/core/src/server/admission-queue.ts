import type { Priority } from "../endpoint.ts";
import type { Runtime } from "../runtime.ts";

export interface Job {
  /** Index into PRIORITIES. */
  readonly priority: number;
  /** clock.monotonic() ms */
  readonly arrivedAt: number;
}
/** By rank: the first is run first and refused last. */
export const PRIORITIES: readonly Priority[] = ["critical", "normal", "sheddable"];

export interface QueueOptions {
  /** Jobs that may wait. @default 1000 */
  readonly maxQueue: number;
  /** Once overloaded, work of so many milliseconds is admitted; a quarter of it for `sheddable`. @default 20 */
  readonly targetMs: number;
  /** The youngest age at the head must have been above targetMs for so long to be an overload. @default 100 */
  readonly intervalMs: number;
}
export const DEFAULT_QUEUE: QueueOptions = { maxQueue: 1000, targetMs: 20, intervalMs: 100 };

/** Handlers run so long before I/O gets its turn. */
const SLICE_MS = 8;
/** The clock is read at least once in so many jobs. */
const MOST_BETWEEN_READINGS = 32;
const SMOOTHING = 0.1;

/**
 * Where calls wait for the event loop: handlers never run in a socket's data callback, or load would queue up unseen in socket buffers.
 * A job is admitted when it arrives, while the expected wait fits its time left; when the smallest age at the head of the queue has
 * stayed above `targetMs` for `intervalMs` (CoDel's sign of a standing queue; DAGOR's 20 ms), only `targetMs` of work is admitted.
 */
export class AdmissionQueue<J extends Job> {
  readonly #runtime: Runtime;
  readonly #run: (job: J) => void;
  readonly #options: QueueOptions;
  readonly #rings: readonly [Ring<J>, Ring<J>, Ring<J>] = [new Ring<J>(), new Ring<J>(), new Ring<J>()];
  #depth = 0;
  /** A guess that makes the clock be read often until it has been measured. */
  #perJobMs = 0.25;
  #scheduled = false;
  #aboveSince = Number.NaN;
  #overloaded = false;
  readonly #drain = (): void => this.#work();

  constructor(runtime: Runtime, run: (job: J) => void, options: QueueOptions = DEFAULT_QUEUE) {
    this.#runtime = runtime;
    this.#run = run;
    this.#options = options;
  }

  get depth(): number {
    return this.#depth;
  }

  get overloaded(): boolean {
    return this.#overloaded;
  }

  /** Expected wait of a job that came now, µs: the trailer's load. */
  get loadMicros(): number {
    return this.#depth === 0 ? 0 : Math.min(0xffff_ffff, Math.round(this.#depth * this.#perJobMs * 1000));
  }

  /** Asked before a call is decoded. Undefined: admit it; else after how many milliseconds the caller may try again. */
  refusal(priority: number, timeLeftMs: number): number | undefined {
    if (this.#depth === 0) return undefined;
    const wait = this.#depth * this.#perJobMs;
    if (this.#depth >= this.#options.maxQueue || wait > timeLeftMs) return Math.max(1, Math.ceil(wait));
    if (!this.#overloaded || priority === 0) return undefined;
    const bound = priority === 1 ? this.#options.targetMs : this.#options.targetMs / 4;
    return wait > bound ? Math.max(1, Math.ceil(wait - bound)) : undefined;
  }

  push(job: J): void {
    (this.#rings[job.priority] as Ring<J>).push(job);
    this.#depth++;
  }

  /** After the last push of a chunk. */
  schedule(): void {
    if (this.#depth === 0 || this.#scheduled) return;
    this.#scheduled = true;
    this.#runtime.defer(this.#drain);
  }

  #next(): J {
    this.#depth--;
    for (const ring of this.#rings) if (ring.size > 0) return ring.shift();
    throw new RangeError("the queue is empty");
  }

  #work(): void {
    const { clock } = this.#runtime;
    const from = clock.fresh();
    this.#judge(from);
    const between = Math.max(1, Math.min(MOST_BETWEEN_READINGS, Math.floor(1 / this.#perJobMs)));
    let done = 0;
    let now = from;
    while (this.#depth > 0) {
      this.#run(this.#next());
      if (++done % between !== 0) continue;
      now = clock.fresh();
      if (now - from > SLICE_MS) break;
    }
    if (done === 0) {
      this.#scheduled = false;
      return;
    }
    if (done % between !== 0) now = clock.fresh();
    this.#perJobMs += ((now - from) / done - this.#perJobMs) * SMOOTHING;
    this.#scheduled = this.#depth > 0;
    if (this.#scheduled) this.#runtime.yieldToIo(this.#drain);
  }

  /** The age of the oldest job decides: it is the smallest wait that any job of this slice will have had. */
  #judge(now: number): void {
    let age = 0;
    for (const ring of this.#rings) if (ring.size > 0) age = Math.max(age, now - (ring.first as J).arrivedAt);
    if (age < this.#options.targetMs) {
      this.#aboveSince = Number.NaN;
      this.#overloaded = false;
    } else if (Number.isNaN(this.#aboveSince)) this.#aboveSince = now;
    else if (now - this.#aboveSince > this.#options.intervalMs) this.#overloaded = true;
  }
}

/** A first-in first-out buffer that grows by doubling. */
class Ring<T> {
  #items: (T | undefined)[] = new Array(64).fill(undefined);
  #head = 0;
  size = 0;

  get first(): T | undefined {
    return this.#items[this.#head];
  }

  push(item: T): void {
    if (this.size === this.#items.length) this.#grow();
    this.#items[(this.#head + this.size++) & (this.#items.length - 1)] = item;
  }

  shift(): T {
    const item = this.#items[this.#head] as T;
    this.#items[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#items.length - 1);
    this.size--;
    return item;
  }

  #grow(): void {
    const items = this.#items;
    const ordered = [...items.slice(this.#head), ...items.slice(0, this.#head)];
    this.#items = ordered.concat(new Array(items.length).fill(undefined));
    this.#head = 0;
  }
}
