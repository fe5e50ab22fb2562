import type { Runtime, Timer } from "../runtime.ts";
import { LatencyEstimate } from "./latency-estimate.ts";
import type { HedgePolicy, Whole } from "./policy.ts";

/** What was not used adds up over so many calls. */
const SAVED_CALLS = 1000;
/** Of a call, so that twenty twentieths are one. */
const ROUNDING = 1e-6;
/** Earlier than this is no reason to wait once more, ms. */
const EARLY_MS = 0.01;

/** A call that may be sent to a second instance. */
export interface Hedgeable {
  /** When it was sent, clock.monotonic() ms. */
  readonly now: number;
  readonly idempotent: boolean;
  readonly retries: boolean;
  readonly attempt: number;
  /** Sends it to a second instance. False: it cannot be. */
  hedgeNow(now: number): boolean;
}

/**
 * Decides which calls of one method are sent to a second instance, and when: those without an answer after the delay, at most a share of all.
 * Calls are held in the order they were sent, so that one timer, for the oldest, is enough.
 */
export class Hedging {
  readonly #runtime: Runtime;
  readonly #policy: Whole<HedgePolicy>;
  readonly #latency = new LatencyEstimate();
  /** In flight, and when they were sent, ms. */
  readonly #calls = new Map<Hedgeable, number>();
  /** Second tries that may be made. */
  #tokens = 0;
  #timer: Timer | undefined;
  #closed = false;
  /** What waits in the sockets is read before anybody is found to be slow: our own loop may have stood still. */
  readonly #onTimer = (): void => this.#runtime.yieldToIo(this.#onLook);
  readonly #onLook = (): void => this.#look();

  constructor(runtime: Runtime, policy: Whole<HedgePolicy>) {
    this.#runtime = runtime;
    this.#policy = policy;
  }

  /** The call is sent for the first time. */
  watch(call: Hedgeable): void {
    const { maxExtra } = this.#policy;
    this.#tokens = Math.min(this.#tokens + maxExtra, maxExtra * SAVED_CALLS);
    const delay = this.#delayMs;
    if (delay === undefined || this.#closed) return;
    if (!call.idempotent || !call.retries || call.attempt > 0) return;
    this.#calls.set(call, call.now);
    if (this.#timer === undefined) this.#arm(delay);
  }

  /** It was answered. */
  took(ms: number): void {
    this.#latency.add(ms);
  }

  /** It has ended. */
  forget(call: Hedgeable): void {
    this.#calls.delete(call);
  }

  close(): void {
    this.#closed = true;
    this.#calls.clear();
    this.#timer?.cancel();
  }

  get #delayMs(): number | undefined {
    const { afterMs } = this.#policy;
    return afterMs === "p95" ? this.#latency.p95Ms : afterMs;
  }

  #arm(ms: number): void {
    this.#timer = this.#runtime.clock.setTimer(ms, this.#onTimer);
  }

  #look(): void {
    this.#timer = undefined;
    const now = this.#runtime.clock.fresh();
    const delay = this.#delayMs ?? 0;
    for (const [call, sentAt] of this.#calls) {
      const left = sentAt + delay - now;
      if (left > EARLY_MS) return this.#arm(left);
      this.#calls.delete(call);
      if (this.#tokens >= 1 - ROUNDING && call.hedgeNow(now)) this.#tokens--;
    }
  }
}
