import type { Runtime, Snapshot, Timer } from "@skein/core";
import { settled, ToldWatch, type WatchTeller } from "@skein/registry/backend";
import { QuestionTimes } from "./question-times.ts";
import { SETTLE } from "./settle.ts";

export interface ServiceWatchOptions {
  readonly runtime: Runtime;
  readonly tell: WatchTeller;
  ask(): void;
  snapshot(): Snapshot;
}

/** Looks after one service: asks, waits for answers before it first tells, and tells of each change afterwards. */
export class ServiceWatch {
  readonly #o: ServiceWatchOptions;
  #timer: Timer | undefined;
  #round = new AbortController();
  readonly #told: ToldWatch;
  #newsAt = Number.NEGATIVE_INFINITY;

  constructor(options: ServiceWatchOptions) {
    this.#o = options;
    this.#told = new ToldWatch(options.runtime, options.tell, options.snapshot);
  }

  /** Asks anew, and tells when answers have come. */
  start(): void {
    this.stop();
    this.#round = new AbortController();
    this.#ask(new QuestionTimes(this.#o.runtime.random), Number.NEGATIVE_INFINITY);
    void this.#first(this.#round.signal);
  }

  #ask(times: QuestionTimes, before: number): void {
    const { runtime, ask, snapshot } = this.#o;
    const now = runtime.clock.monotonic();
    ask();
    const wait = times.next(this.#newsAt >= before, snapshot().instances.length);
    this.#timer = runtime.clock.setTimer(wait, () => this.#ask(times, now));
  }

  async #first(signal: AbortSignal): Promise<void> {
    await settled(this.#o.runtime, SETTLE, () => this.#newsAt, signal);
    if (!signal.aborted) this.#told.known();
  }

  /** Its instances are others. */
  changed(): void {
    this.#newsAt = this.#o.runtime.clock.monotonic();
    this.#told.changed();
  }

  /** Nothing is heard: whom it knows stays. */
  failed(error: unknown): void {
    this.stop();
    this.#told.failed(error);
  }

  stop(): void {
    this.#told.stop();
    this.#timer?.cancel();
    this.#round.abort();
  }
}
