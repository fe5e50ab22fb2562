import type { CheckResult, Clock, Logger, Timer } from "@skein/core";

/** Passes unless it throws, rejects or answers `false`. */
export type Check = () => unknown;

export interface RunningCheckOptions {
  readonly name: string;
  readonly check: Check;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** `result` is a new one. */
  readonly onResult: () => void;
}

/** A failure is known half a second after it began, so that all have it within a second. */
const EVERY_MS = 500;
const FRESH_MS = 1000;
const TIMED_OUT = Symbol("timed out");

/** One check of readiness, run again and again. */
export class RunningCheck {
  /** The last one; before the first, that it passes. */
  result: CheckResult = { ok: true };
  readonly #o: RunningCheckOptions;
  #at = Number.NEGATIVE_INFINITY;
  #running: Promise<void> | undefined;
  /** Its last run has not ended, although it was given up. */
  #hangs = false;
  #timer: Timer | undefined;
  #started = false;

  constructor(options: RunningCheckOptions) {
    this.#o = options;
  }

  get name(): string {
    return this.#o.name;
  }

  /** Resolves once the result is younger than a second. */
  async fresh(): Promise<void> {
    if (this.#o.clock.monotonic() - this.#at >= FRESH_MS) await this.#run();
  }

  start(): void {
    this.#started = true;
    this.#again();
  }

  stop(): void {
    this.#started = false;
    this.#timer?.cancel();
  }

  #again(): void {
    if (!this.#started) return;
    this.#timer?.cancel();
    this.#timer = this.#o.clock.setTimer(EVERY_MS, () => void this.#run().then(() => this.#again()));
  }

  #run(): Promise<void> {
    this.#running ??= this.#runOnce().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #runOnce(): Promise<void> {
    const { name, clock, logger, timeoutMs, onResult } = this.#o;
    const before = this.result;
    if (this.#hangs) this.result = { ok: false, reason: "has not answered" };
    else {
      const started = clock.fresh();
      const fault = await this.#attempt();
      const ms = Math.round(clock.fresh() - started);
      // What was thrown may hold secrets, and whoever asks may read the answer: it is for the log alone.
      const reason = fault === TIMED_OUT ? `took longer than ${timeoutMs} ms` : "failed";
      this.result = fault === undefined ? { ok: true, ms } : { ok: false, reason, ms };
      const about = { check: name, ms };
      if (this.result.ok && !before.ok) logger.info(about, "readiness check passes again");
      if (!this.result.ok && before.ok)
        logger.warn({ ...about, ...(fault !== TIMED_OUT && { err: fault }) }, `readiness check ${reason}`);
    }
    this.#at = clock.monotonic();
    onResult();
  }

  /** Why it failed; undefined when it passed. */
  #attempt(): Promise<unknown> {
    const { check, clock, timeoutMs } = this.#o;
    return new Promise((resolve) => {
      const timer = clock.setTimer(timeoutMs, () => {
        this.#hangs = true;
        resolve(TIMED_OUT);
      });
      const end = (fault: unknown): void => {
        this.#hangs = false;
        timer.cancel();
        resolve(fault);
      };
      new Promise((settle) => settle(check())).then(
        (answer) => end(answer === false ? new Error("it answered false") : undefined),
        (error: unknown) => end(error ?? new Error("it failed without saying why")),
      );
    });
  }
}
