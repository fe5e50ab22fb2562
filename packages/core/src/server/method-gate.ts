import type { MethodLimits } from "../endpoint.ts";
import type { Job, JobSink } from "./admission-queue.ts";
import { OverloadSign } from "./overload-sign.ts";
import type { QueueOptions } from "./queue-options.ts";
import { TokenBucket } from "./token-bucket.ts";

/** A call of a method that has limits. */
export interface GatedJob extends Job {
  /** monotonic ms */
  readonly expiresAt: number;
  /** Its handler was entered. */
  readonly started: boolean;
}

const SMOOTHING = 0.05;

/**
 * What a method's limits let through. A call without a slot waits here, not in the server's queue, until another call of the method ends; the rules are
 * the queue's own: admitted while the expected wait fits its time left, once overloaded (OverloadSign) as long as that is within targetMs.
 */
export class MethodGate<J extends GatedJob> {
  readonly #queue: QueueOptions;
  readonly #sink: JobSink<J>;
  readonly #concurrency: number;
  readonly #rate: TokenBucket | undefined;
  readonly #sign: OverloadSign;
  /** In order of arrival; those that are given up leave from the middle. */
  readonly #waiting = new Set<J>();
  #running = 0;
  /** How long a call keeps its slot, ms. */
  #holdMs = 0;
  /** When a slot was last taken or given back, ms. */
  #movedAt: number;

  /** @param sink for calls that leave without a slot: expired ones are run (and found expired), late ones are shed */
  constructor(limits: MethodLimits, queue: QueueOptions, sink: JobSink<J>, now: number) {
    const { concurrency, ratePerSecond, burst } = limits;
    this.#queue = queue;
    this.#sink = sink;
    this.#concurrency = concurrency ?? Number.POSITIVE_INFINITY;
    this.#rate =
      ratePerSecond === undefined
        ? undefined
        : new TokenBucket(ratePerSecond, burst ?? Math.max(1, ratePerSecond / 10), now);
    this.#sign = new OverloadSign(queue);
    this.#movedAt = now;
  }

  /** Calls without a slot. */
  get depth(): number {
    return this.#waiting.size;
  }

  get overloaded(): boolean {
    return this.#sign.overloaded;
  }

  /** Expected wait for a slot, ms. Once no call ended for longer than calls take, it is at least as long again. */
  waitMs(now: number): number {
    if (this.#running < this.#concurrency) return 0;
    const stalled = Math.max(0, now - this.#movedAt - this.#holdMs);
    return (this.#waiting.size * this.#holdMs) / this.#concurrency + stalled;
  }

  /** Undefined: admit it; else after how many milliseconds the caller may try again. */
  refusal(priority: number, timeLeftMs: number, now: number): number | undefined {
    return this.#full(priority, timeLeftMs, now) ?? this.#rate?.take(now);
  }

  #full(priority: number, timeLeftMs: number, now: number): number | undefined {
    if (this.#waiting.size > 0) this.#look(now);
    const again = this.#waiting.size === 0 ? undefined : this.#again(priority, timeLeftMs, now);
    this.#sign.count(priority, again !== undefined);
    return again;
  }

  #again(priority: number, timeLeftMs: number, now: number): number | undefined {
    const wait = this.waitMs(now);
    const bound = this.#sign.bound(priority, this.#queue.targetMs);
    if (this.#waiting.size < this.#queue.maxQueue && wait <= timeLeftMs && wait <= bound) return undefined;
    return Math.max(1, Math.ceil(wait - Math.max(0, Math.min(bound, timeLeftMs))));
  }

  /** False: it waits here. */
  enter(job: J, now: number): boolean {
    if (this.#running >= this.#concurrency) {
      this.#waiting.add(job);
      return false;
    }
    this.#take(now);
    return true;
  }

  /** It has no slot yet. */
  holds(job: J): boolean {
    return this.#waiting.has(job);
  }

  /** It ended, or was given up while it waited. Returns the call that has its slot now. */
  leave(job: J, now: number): J | undefined {
    if (this.#waiting.delete(job)) return undefined;
    this.#running--;
    this.#movedAt = now;
    if (job.started) {
      const held = now - (job.queuedAt ?? job.arrivedAt);
      this.#holdMs += (held - this.#holdMs) * (this.#holdMs === 0 ? 1 : SMOOTHING);
    }
    if (this.#waiting.size === 0) {
      this.#sign.judge(now, 0, 0);
      return undefined;
    }
    this.#look(now);
    const next = this.#first();
    // Those that were looked at may have left, and the slot may have gone to somebody meanwhile.
    if (next === undefined || this.#running >= this.#concurrency) return undefined;
    this.#waiting.delete(next);
    this.#take(now);
    return next;
  }

  #take(now: number): void {
    this.#running++;
    this.#movedAt = now;
  }

  /** Lets expired ones go, and late ones once it is an overload. */
  #look(now: number): void {
    let first = this.#first();
    for (; first !== undefined && first.expiresAt <= now; first = this.#first()) {
      this.#sink.run(first);
      if (this.#waiting.delete(first)) throw new RangeError("an expired call was not let go");
    }
    const age = first === undefined ? 0 : now - first.arrivedAt;
    if (!this.#sign.judge(now, age, this.#waiting.size)) return;
    const late = [...this.#waiting].filter(
      (job) => job.priority > 0 && now - job.arrivedAt > this.#queue.targetMs,
    );
    const again = Math.ceil(this.#queue.targetMs);
    for (const job of late) this.#sink.shed(job, again);
  }

  #first(): J | undefined {
    return this.#waiting.values().next().value;
  }
}
