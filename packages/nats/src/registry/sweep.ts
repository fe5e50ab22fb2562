import type { Runtime, Timer } from "@skein/core";
import { pause } from "@skein/registry/backend";
import type { Presence } from "./presence.ts";

/** Who seems to be over is asked, and has so long to answer, ms. */
const LAST_WORD_MS = 250;
/** Between two looks at what is over, at least, ms. */
const LEAST_SLEEP_MS = 20;
/** A server that did not confirm is tried again after so long, ms. */
const DOUBT_AGAIN_MS = 100;
/** A server that answers so late may have been frozen, ms. */
const SLOW_MS = 1000;

export interface SweepOptions {
  readonly runtime: Runtime;
  readonly presence: Presence;
  /** Without a server nothing ends. */
  connected(): boolean;
  /** Asks about services; resolves when the server has said what it had to. Rejects when it does not answer. */
  ask(services: ReadonlySet<string>): Promise<void>;
  /** Resolves once we have all that the server had for us. Rejects when it does not answer. */
  flush(): Promise<void>;
}

/**
 * Ends whose time is over, who is asked before. Only where the server confirms meanwhile that we have all it had for us: a server that is frozen, or a loop of
 * ours that was blocked, ends nobody, and gives those a new chance who could not be heard.
 */
export class Sweep {
  readonly #o: SweepOptions;
  readonly #stopped = new AbortController();
  #tick: { readonly at: number; readonly timer: Timer } | undefined;
  #doubting = false;
  #failed = false;
  #forgave = false;
  /** Counts disconnections: what began before one proves nothing after it. */
  #epoch = 0;

  constructor(options: SweepOptions) {
    this.#o = options;
  }

  get #now(): number {
    return this.#o.runtime.clock.fresh();
  }

  /** Something ends at `at` unless it is renewed, monotonic ms. */
  wakeAt(at: number): void {
    if (at === Number.POSITIVE_INFINITY || this.#stopped.signal.aborted) return;
    if (this.#tick !== undefined && this.#tick.at <= at) return;
    this.#tick?.timer.cancel();
    const timer = this.#o.runtime.clock.setTimer(Math.max(LEAST_SLEEP_MS, at - this.#now), () => {
      this.#tick = undefined;
      this.#sweep();
    });
    this.#tick = { at, timer };
  }

  /** Whoever could not be heard meanwhile has a new chance. */
  connected(): void {
    this.#o.presence.forgive(this.#now);
    this.#failed = false;
    this.wakeAt(this.#o.presence.due(this.#now).nextAt);
  }

  disconnected(): void {
    this.#epoch++;
  }

  stop(): void {
    this.#stopped.abort();
    this.#tick?.timer.cancel();
  }

  #sweep(): void {
    if (!this.#o.connected() || this.#doubting) return;
    const at = this.#now;
    const { services, nextAt } = this.#o.presence.due(at);
    if (services.size === 0) this.wakeAt(nextAt);
    else void this.#doubt(at, services);
  }

  async #doubt(at: number, services: ReadonlySet<string>): Promise<void> {
    this.#doubting = true;
    const { runtime, presence, ask, flush } = this.#o;
    const epoch = this.#epoch;
    const { signal } = this.#stopped;
    try {
      await ask(services);
      const slow = this.#now - at > SLOW_MS;
      await pause(runtime, LAST_WORD_MS, signal);
      await flush();
      if (epoch === this.#epoch && !signal.aborted) this.#end(at, slow);
    } catch {
      // It is tried again, or there is a disconnection.
      this.#failed = true;
    }
    this.#doubting = false;
    const now = this.#now;
    const { services: over, nextAt } = presence.due(now);
    this.wakeAt(over.size > 0 ? now + DOUBT_AGAIN_MS : nextAt);
  }

  /** A server that is always slow must not keep the dead: it is forgiven every other time. */
  #end(at: number, slow: boolean): void {
    const { presence } = this.#o;
    const forgive = this.#failed || (slow && !this.#forgave);
    if (forgive) presence.forgive(this.#now);
    else presence.expire(at);
    this.#forgave = forgive;
    this.#failed = false;
  }
}
