import type { Clock, Runtime, Timer } from "../runtime.ts";
import { seededRandom } from "./seeded-random.ts";

interface Armed extends Timer {
  readonly at: number;
  readonly order: number;
  fire: (() => void) | undefined;
}

/** A clock that stands still until it is told to go on, and the ports that go with it. Everything it runs, it runs in order. */
export class FakeClock implements Clock {
  #ms = 0;
  #order = 0;
  #timers: Armed[] = [];
  /** Added to monotonic time for now(); set it to step the wall clock. */
  wallOffsetMs = Date.UTC(2026, 0, 1);

  now(): number {
    return this.wallOffsetMs + this.#ms;
  }
  monotonic(): number {
    return this.#ms;
  }
  fresh(): number {
    return this.#ms;
  }
  setTimer(ms: number, fire: () => void): Timer {
    const armed: Armed = {
      at: this.#ms + Math.max(0, ms),
      order: this.#order++,
      fire,
      cancel: () => {
        armed.fire = undefined;
        this.#timers = this.#timers.filter((t) => t !== armed);
      },
    };
    this.#timers.push(armed);
    return armed;
  }
  /** Timers that wait. Zero when everything was taken back. */
  get timers(): number {
    return this.#timers.length;
  }
  /** When the next timer is due, ms from now; undefined without one. */
  get nextInMs(): number | undefined {
    return this.#timers.length === 0 ? undefined : Math.min(...this.#timers.map((t) => t.at)) - this.#ms;
  }
  /** Goes on by `ms`, firing what falls due at its own time. Synchronous: promises settle afterwards (see advanceAsync). */
  advance(ms: number): void {
    const until = this.#ms + ms;
    for (let next = this.#due(until); next !== undefined; next = this.#due(until)) this.#fire(next);
    this.#ms = until;
  }
  /** As advance(), letting promises settle before, between and after the timers. */
  async advanceAsync(ms: number): Promise<void> {
    const until = this.#ms + ms;
    await settle();
    for (let next = this.#due(until); next !== undefined; next = this.#due(until)) {
      this.#fire(next);
      await settle();
    }
    this.#ms = until;
    await settle();
  }
  #due(until: number): Armed | undefined {
    let first: Armed | undefined;
    for (const t of this.#timers)
      if (
        t.at <= until &&
        (first === undefined || t.at < first.at || (t.at === first.at && t.order < first.order))
      )
        first = t;
    return first;
  }
  #fire(timer: Armed): void {
    this.#timers = this.#timers.filter((t) => t !== timer);
    if (timer.at > this.#ms) this.#ms = timer.at;
    timer.fire?.();
  }
}

/** Lets promise continuations run until none is left to run at once (50 rounds). */
export async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await undefined;
}

export interface FakeRuntime extends Runtime {
  readonly clock: FakeClock;
}

/** Ports without a machine: a fake clock, a seeded random, ids that count, and `defer`/`yieldToIo` as promise jobs. */
export function createFakeRuntime(seed = 1): FakeRuntime {
  let ids = 0;
  const later = (fn: () => void): void => void Promise.resolve().then(fn);
  return {
    clock: new FakeClock(),
    random: seededRandom(seed),
    uniqueId: () => `id-${++ids}`,
    defer: later,
    yieldToIo: later,
  };
}
