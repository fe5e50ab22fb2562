import type { CheckResult, Clock, Logger, Readiness, Timer } from "@skein/core";

/** Passes unless it throws, rejects or answers `false`. */
export type Check = () => unknown;

export interface HealthOptions {
  /** What must work for calls to be sent here, by name: `{ database: () => pool.query("select 1") }`. Run each 500 ms. */
  readonly checks?: Readonly<Record<string, Check>> | undefined;
  /** A check that takes longer has failed, ms. @default 2000 */
  readonly timeoutMs?: number | undefined;
  /** False: readiness does not depend on whether the registry has us. @default true */
  readonly lease?: boolean | undefined;
}

export interface Checks {
  /** The last result when it is younger than a second, else a new one. Never rejects. */
  results(): Promise<Readiness>;
  /** Looks again and again; tells of each change. */
  start(): void;
  stop(): void;
}

interface ChecksOptions {
  readonly checks: Readonly<Record<string, Check>>;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onChange: (ok: boolean) => void;
}

/** A failure is known half a second after it began, so that the registry has it within a second. */
const EVERY_MS = 500;
const FRESH_MS = 1000;

export function createChecks(options: ChecksOptions): Checks {
  return new RunningChecks(options);
}

class RunningChecks implements Checks {
  readonly #o: ChecksOptions;
  /** Checks whose last run has not ended, although it was given up. */
  readonly #hanging = new Set<string>();
  readonly #failed = new Set<string>();
  #running: Promise<Readiness> | undefined;
  #last: Readiness = { ok: true, checks: {} };
  #at = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;
  #started = false;

  constructor(options: ChecksOptions) {
    this.#o = options;
  }

  async results(): Promise<Readiness> {
    return this.#o.clock.monotonic() - this.#at < FRESH_MS ? this.#last : await this.#run();
  }

  start(): void {
    if (this.#started || Object.keys(this.#o.checks).length === 0) return;
    this.#started = true;
    this.#again();
  }

  stop(): void {
    this.#started = false;
    this.#timer?.cancel();
  }

  #again(): void {
    if (!this.#started) return;
    this.#timer = this.#o.clock.setTimer(EVERY_MS, () => {
      void this.#run().then(() => this.#again());
    });
  }

  #run(): Promise<Readiness> {
    this.#running ??= this.#runAll().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #runAll(): Promise<Readiness> {
    const { checks, clock } = this.#o;
    const results = await Promise.all(
      Object.entries(checks).map(async ([name, check]) => [name, await this.#runOne(name, check)] as const),
    );
    const before = this.#last.ok;
    this.#last = { ok: results.every(([, { ok }]) => ok), checks: Object.fromEntries(results) };
    this.#at = clock.monotonic();
    if (this.#last.ok !== before) this.#o.onChange(this.#last.ok);
    return this.#last;
  }

  async #runOne(name: string, check: Check): Promise<CheckResult> {
    const { clock, logger, timeoutMs } = this.#o;
    if (this.#hanging.has(name)) return { ok: false, reason: "has not answered" };
    const started = clock.fresh();
    const fault = await this.#attempt(name, check);
    const ms = Math.round(clock.fresh() - started);
    if (fault === undefined) {
      if (this.#failed.delete(name)) logger.info({ check: name, ms }, "readiness check passes again");
      return { ok: true, ms };
    }
    // What was thrown may hold secrets, and whoever asks may read the answer: it is for the log alone.
    const reason = fault === TIMED_OUT ? `took longer than ${timeoutMs} ms` : "failed";
    if (!this.#failed.has(name))
      logger.warn(
        { check: name, ms, ...(fault !== TIMED_OUT && { err: fault }) },
        `readiness check ${reason}`,
      );
    this.#failed.add(name);
    return { ok: false, reason, ms };
  }

  /** Why it failed; undefined when it passed. */
  #attempt(name: string, check: Check): Promise<unknown> {
    return new Promise((resolve) => {
      const timer = this.#o.clock.setTimer(this.#o.timeoutMs, () => {
        this.#hanging.add(name);
        resolve(TIMED_OUT);
      });
      const end = (fault: unknown): void => {
        this.#hanging.delete(name);
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

const TIMED_OUT = Symbol("timed out");
