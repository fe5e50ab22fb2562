import type { Runtime, Snapshot, Timer } from "@skein/core";
import type { WatchTeller } from "@skein/registry/backend";
import { QuestionTimes } from "./question-times.ts";
import { settled } from "./settle.ts";

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
  /** Told what is true: changes are told from now on. */
  #live = false;
  #newsAt = Number.NEGATIVE_INFINITY;
  #telling = false;

  constructor(options: ServiceWatchOptions) {
    this.#o = options;
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
    await settled(this.#o.runtime, () => this.#newsAt, signal);
    if (signal.aborted) return;
    this.#live = true;
    this.#tell();
  }

  /** Its instances are others. */
  changed(): void {
    this.#newsAt = this.#o.runtime.clock.monotonic();
    if (!this.#live || this.#telling) return;
    this.#telling = true;
    this.#o.runtime.defer(() => {
      this.#telling = false;
      if (this.#live) this.#tell();
    });
  }

  #tell(): void {
    this.#o.tell.found(this.#o.snapshot());
  }

  /** Nothing is heard: whom it knows stays. */
  failed(error: unknown): void {
    this.stop();
    this.#o.tell.failed(error);
  }

  stop(): void {
    this.#live = false;
    this.#timer?.cancel();
    this.#round.abort();
  }
}
