import type { Priority } from "../endpoint.ts";
import type { Runtime } from "../runtime.ts";
import { type Claimant, FairShare } from "./fair-share.ts";
import { JobRing } from "./job-ring.ts";
import { OverloadSign } from "./overload-sign.ts";
import type { QueueOptions } from "./queue-options.ts";

export interface Job {
  /** Index into PRIORITIES. */
  readonly priority: number;
  /** clock.monotonic() ms */
  readonly arrivedAt: number;
  /** When it was pushed, where that was later than its arrival. */
  readonly queuedAt: number | undefined;
  /** Who asks for it. */
  readonly owner: Claimant;
}
/** Where jobs go. */
export interface JobSink<J> {
  run(job: J): void;
  /** It waits in vain, or gave way to somebody else's. Not run; the caller may try again after `againMs`. */
  shed(job: J, againMs: number): void;
}
/** By rank: the first is run first and refused last. */
export const PRIORITIES: readonly Priority[] = ["critical", "normal", "sheddable"];

/**
 * Of targetMs, what may be spent in the queue once overloaded: before it, a call may have waited in its socket for a slice to end, and its answer leaves
 * when its own slice ends. Less would leave nothing to do whenever callers pause for some milliseconds.
 */
const BOUND = 0.5;
/** Of targetMs: what is older by then goes elsewhere. */
const LATE = 0.6;
/** Handlers run so long before I/O gets its turn; and once overloaded. */
const SLICE_MS = 8;
const SHORT_SLICE_MS = 2;
/** Between two slices I/O takes so long at most; more is something else's doing, and says nothing of the next time, ms. */
const LONGEST_IO_MS = 10;
/** The clock is read at least once in so many jobs. */
const MOST_BETWEEN_READINGS = 32;
const SMOOTHING = 0.1;
/** Of an overloaded queue so many jobs are looked at, to find one that gives way. */
const LOOKED_AT = 8;

/**
 * Where calls wait for the event loop: handlers never run in a socket's data callback, or load would queue up unseen in socket buffers.
 * A job is admitted when it arrives, while the expected wait fits its time left; once the queue is overloaded (OverloadSign) only `targetMs` of
 * work is admitted, and what has waited longer than that by then is handed back. Whose socket is read first would have all of the room then: a call
 * of somebody who had less takes the place of one of somebody who had more.
 */
export class AdmissionQueue<J extends Job> {
  readonly #runtime: Runtime;
  readonly #sink: JobSink<J>;
  readonly #options: QueueOptions;
  readonly #sign: OverloadSign;
  readonly #rings: readonly [JobRing<J>, JobRing<J>, JobRing<J>] = [
    new JobRing(),
    new JobRing(),
    new JobRing(),
  ];
  readonly #shares = new FairShare();
  #depth = 0;
  /** A guess that makes the clock be read often until it has been measured. */
  #perJobMs = 0.25;
  /** As it goes while jobs wait: with the time that reading, refusing and writing take between two slices. */
  #paceMs = 0.25;
  #sliceEnd = 0;
  /** Jobs were left when the last slice ended. */
  #waited = false;
  #scheduled = false;
  readonly #drain = (): void => this.#work();

  constructor(runtime: Runtime, sink: JobSink<J>, options: QueueOptions) {
    this.#runtime = runtime;
    this.#sink = sink;
    this.#options = options;
    this.#sign = new OverloadSign(options);
  }

  get depth(): number {
    return this.#depth;
  }

  get overloaded(): boolean {
    return this.#sign.isOverloaded(this.#runtime.clock.monotonic());
  }

  /** Expected wait of a job that came now, ms. */
  get waitMs(): number {
    return this.#depth * this.#paceMs;
  }

  /** Asked before a call is decoded. Undefined: admit it; else after how many milliseconds the caller may try again. */
  refusal(priority: number, timeLeftMs: number): number | undefined {
    const sign = this.#sign;
    const again = this.#depth === 0 ? undefined : this.#again(priority, timeLeftMs);
    if (again !== undefined || sign.overloaded) sign.count(priority, again !== undefined);
    return again;
  }

  /** A job of this owner is let in, at once or in another's place: that counts while room is short. */
  claim(owner: Claimant): void {
    if (this.#sign.overloaded) this.#shares.claim(owner);
  }

  /**
   * For a job that was refused: one of the same priority whose owner had more of the server lately, and in whose place this one would be in time.
   * Undefined: none was found, or the queue is not overloaded; critical ones, once admitted, are kept. Whoever takes its place calls `displace` before anything else of the queue.
   */
  displaceable(priority: number, timeLeftMs: number, owner: Claimant): number | undefined {
    const sign = this.#sign;
    if (!sign.overloaded || priority === 0) return undefined;
    const wait = (this.#ahead(priority) - 1) * this.#paceMs;
    // The pace changes: a queue that is a little too long still serves in time, and is not longer for it.
    if (wait > Math.min(timeLeftMs, sign.bound(priority, LATE * this.#options.targetMs))) return undefined;
    const ring = this.#rings[priority] as JobRing<J>;
    const shares = this.#shares;
    // It gains one, the other loses one: what would only swap who has more is left as it is.
    let most = shares.of(owner) + 1;
    let found: number | undefined;
    // Calls of one owner stand together, as they were read together: looks at some of all the queue.
    const step = Math.ceil(ring.length / LOOKED_AT);
    for (let back = Math.floor(this.#runtime.random() * step); back < ring.length; back += step) {
      const job = ring.newest(back);
      if (job === undefined || job.owner === owner) continue;
      const claims = shares.of(job.owner);
      if (claims <= most) continue;
      most = claims;
      found = back;
    }
    return found;
  }

  /** Sheds what `displaceable` found. */
  displace(priority: number, found: number): void {
    const ring = this.#rings[priority] as JobRing<J>;
    const job = ring.newest(found);
    if (job === undefined) return;
    ring.remove(found);
    this.#depth--;
    this.#shares.giveWay(job.owner);
    this.#sink.shed(job, Math.max(1, Math.ceil(this.#options.targetMs)));
  }

  #longest(priority: number, timeLeftMs: number): number {
    if (!this.#sign.overloaded) return timeLeftMs;
    return Math.min(timeLeftMs, this.#sign.bound(priority, BOUND * this.#options.targetMs));
  }

  #again(priority: number, timeLeftMs: number): number | undefined {
    const ahead = this.#ahead(priority);
    const wait = ahead * this.#paceMs;
    const longest = this.#longest(priority, timeLeftMs);
    if (ahead === 0 || (ahead < this.#options.maxQueue && wait <= longest)) return undefined;
    return Math.max(1, Math.ceil(wait - longest));
  }

  /** Jobs that are run before one that came now. */
  #ahead(priority: number): number {
    if (priority > 1) return this.#depth;
    const critical = this.#rings[0].size;
    return priority === 0 ? critical : critical + this.#rings[1].size;
  }

  push(job: J): void {
    (this.#rings[job.priority] as JobRing<J>).push(job);
    this.#depth++;
  }

  /** After the last push of a chunk. */
  schedule(): void {
    if (this.#depth === 0 || this.#scheduled) return;
    this.#scheduled = true;
    this.#runtime.defer(this.#drain);
  }

  /** After a push that no I/O led to: a chain of calls that each start the next would leave I/O no turn. */
  scheduleAfterIo(): void {
    if (this.#depth === 0 || this.#scheduled) return;
    this.#scheduled = true;
    this.#runtime.yieldToIo(this.#drain);
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
    const slice = this.#sign.overloaded ? SHORT_SLICE_MS : SLICE_MS;
    let done = 0;
    let now = from;
    while (this.#depth > 0) {
      this.#sink.run(this.#next());
      if (++done % between !== 0) continue;
      now = clock.fresh();
      if (now - from >= slice) break;
    }
    if (done === 0) {
      this.#scheduled = false;
      return;
    }
    if (done % between !== 0) now = clock.fresh();
    this.#learn(from, now, done);
    this.#scheduled = this.#depth > 0;
    if (this.#scheduled) this.#runtime.yieldToIo(this.#drain);
  }

  #learn(from: number, now: number, done: number): void {
    const io = this.#waited ? Math.min(LONGEST_IO_MS, from - this.#sliceEnd) : 0;
    this.#sliceEnd = now;
    this.#waited = this.#depth > 0;
    this.#perJobMs += ((now - from) / done - this.#perJobMs) * SMOOTHING;
    this.#paceMs += ((now - from + io) / done - this.#paceMs) * SMOOTHING;
  }

  /** The age of the oldest job decides: it is the smallest wait that any job of this slice will have had. */
  #judge(now: number): void {
    let age = 0;
    for (const ring of this.#rings) if (ring.size > 0) age = Math.max(age, ageOf(ring.first as J, now));
    const half = this.#options.targetMs / 2;
    if (this.#sign.judge(now, age, this.#depth)) this.#shed(now, half, half);
    else if (this.#sign.overloaded) this.#shed(now, this.#lateMs, half);
    if (this.#sign.overloaded) this.#shares.look(now, Math.ceil(this.#options.targetMs / this.#paceMs));
  }

  /** What was admitted for less, and is so old, was held up by something else. */
  get #lateMs(): number {
    return Math.max(LATE * this.#options.targetMs, 2 * this.#paceMs);
  }

  /**
   * What waited too long already is late whatever is done, and makes all behind it late: it goes elsewhere. Critical work is kept; `sheddable` work,
   * which others go before, is given less time.
   */
  #shed(now: number, normalMs: number, sheddableMs: number): void {
    const [, normal, sheddable] = this.#rings;
    const stale: J[] = [];
    while (normal.size > 0 && ageOf(normal.first as J, now) > normalMs) stale.push(normal.shift());
    while (sheddable.size > 0 && ageOf(sheddable.first as J, now) > sheddableMs)
      stale.push(sheddable.shift());
    this.#depth -= stale.length;
    const again = Math.max(1, Math.ceil(this.#options.targetMs));
    for (const job of stale) this.#sink.shed(job, again);
  }
}

function ageOf(job: Job, now: number): number {
  return now - (job.queuedAt ?? job.arrivedAt);
}
