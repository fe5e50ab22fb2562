/** When is a queue overloaded. */
export interface SignOptions {
  /** A queue whose oldest job is younger is none to speak of, ms. */
  readonly targetMs: number;
  /** The queue must have stood for so long, ms; an overload ends after as long a time of little to refuse. */
  readonly intervalMs: number;
}

/** A queue that stands has to have grown so many times, and by so many jobs more, before it is an overload. */
const GROWTH = 2;
const SLACK = 8;
/** The lowest priority's rank. */
const SHEDDABLE = 2;
/** What was refused in a queue that merely stands is half forgotten after so many intervals. */
const REMEMBERED = 10;
/** An overload is over when of ten that asked at most one had to be refused. */
const ONE_IN = 10;

/**
 * Tells a standing queue that is an overload from one that is not. The sign is CoDel's (the smallest age at the head has been above a target for a
 * whole interval; DAGOR's 20 ms) and growth: 64 callers that each wait for their answer make a queue that stands as well, but it does not grow.
 * What is refused meanwhile counts as growth. It ends when nearly all that ask could be admitted: by age alone it would end as soon as refusing
 * has made the queue short, and begin again.
 */
export class OverloadSign {
  overloaded = false;
  readonly #o: SignOptions;
  #aboveSince = Number.NaN;
  #depthThen = 0;
  #asked = 0;
  #refused = 0;
  /** Of them, such as were not `sheddable`; and whether there were any in the interval before. */
  #refusedOthers = 0;
  #othersLack = true;
  /** While overloaded: when the counters were set to zero. */
  #since = 0;

  constructor(options: SignOptions) {
    this.#o = options;
  }

  /** Somebody asked to be admitted. */
  count(priority: number, refused: boolean): void {
    this.#asked++;
    if (!refused) return;
    this.#refused++;
    if (priority < SHEDDABLE) this.#refusedOthers++;
  }

  /** How long a call may have to wait, ms, if an overloaded queue may be `ms` long. `sheddable` ones get nothing of what others lack. */
  bound(priority: number, ms: number): number {
    if (!this.overloaded || priority === 0) return Number.POSITIVE_INFINITY;
    if (priority !== SHEDDABLE) return ms;
    return this.#othersLack ? -1 : ms / 4;
  }

  /** @param now ms; @param age of the job at the head, ms; @param depth of the queue. True: an overload begins. */
  judge(now: number, age: number, depth: number): boolean {
    const { targetMs, intervalMs } = this.#o;
    if (this.overloaded) {
      this.#judgeEnd(now, age);
      return false;
    }
    if (age < targetMs) this.#aboveSince = Number.NaN;
    else if (Number.isNaN(this.#aboveSince)) this.#begin(now, depth);
    else if (
      now - this.#aboveSince > intervalMs &&
      depth + this.#refused > GROWTH * this.#depthThen + SLACK
    ) {
      this.overloaded = true;
      this.#restart(now);
      this.#othersLack = true;
      return true;
    } else if (now - this.#since > REMEMBERED * intervalMs) {
      this.#since = now;
      this.#refused = Math.floor(this.#refused / 2);
    }
    return false;
  }

  /** As `overloaded`, for onlookers: where nothing was judged for long, nothing came. */
  isOverloaded(now: number): boolean {
    return this.overloaded && now - this.#since <= 2 * this.#o.intervalMs;
  }

  #begin(now: number, depth: number): void {
    this.#aboveSince = now;
    this.#depthThen = depth;
    this.#restart(now);
  }

  #judgeEnd(now: number, age: number): void {
    if (now - this.#since < this.#o.intervalMs) return;
    if (age < this.#o.targetMs && this.#refused * ONE_IN <= this.#asked) {
      this.overloaded = false;
      this.#aboveSince = Number.NaN;
    }
    this.#othersLack = this.#refusedOthers > 0;
    this.#restart(now);
  }

  #restart(now: number): void {
    this.#since = now;
    this.#asked = 0;
    this.#refused = 0;
    this.#refusedOthers = 0;
  }
}
