import type { Clock, Logger, Readiness } from "@skein/core";
import { type Check, RunningCheck } from "./health-check.ts";

export type { Check } from "./health-check.ts";

export interface CheckWithTimeout {
  readonly check: Check;
  /** In place of that of all checks, ms. */
  readonly timeoutMs: number;
}

export interface HealthOptions {
  /** What must work for calls to be sent here, by name: `{ database: () => pool.query("select 1") }`. Each runs every 500 ms. */
  readonly checks?: Readonly<Record<string, Check | CheckWithTimeout>> | undefined;
  /** A check that takes longer has failed, ms. @default 2000 */
  readonly timeoutMs?: number | undefined;
  /** False: readiness does not depend on whether the registry has us. @default true */
  readonly lease?: boolean | undefined;
}

export interface Checks {
  /**
   * Once started: the last results, at once. Before: those that are younger than a second, and the others anew. Never rejects.
   */
  results(): Promise<Readiness>;
  /** Looks again and again; tells of each change. */
  start(): void;
  stop(): void;
}

interface ChecksOptions {
  readonly checks: Readonly<Record<string, Check | CheckWithTimeout>>;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onChange: (ok: boolean) => void;
}

export function createChecks(options: ChecksOptions): Checks {
  return new RunningChecks(options);
}

/** Each check runs by itself: one that hangs does not hide that another has failed. */
class RunningChecks implements Checks {
  readonly #all: readonly RunningCheck[];
  readonly #onChange: (ok: boolean) => void;
  #ok = true;
  #started = false;

  constructor({ checks, timeoutMs, clock, logger, onChange }: ChecksOptions) {
    this.#onChange = onChange;
    this.#all = Object.entries(checks).map(([name, given]) => {
      const check = typeof given === "function" ? { check: given, timeoutMs } : given;
      return new RunningCheck({ name, ...check, clock, logger, onResult: () => this.#look() });
    });
  }

  async results(): Promise<Readiness> {
    if (!this.#started) await Promise.all(this.#all.map((check) => check.fresh()));
    return { ok: this.#ok, checks: Object.fromEntries(this.#all.map(({ name, result }) => [name, result])) };
  }

  #look(): void {
    const ok = this.#all.every(({ result }) => result.ok);
    if (ok === this.#ok) return;
    this.#ok = ok;
    this.#onChange(ok);
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    for (const check of this.#all) check.start();
  }

  stop(): void {
    this.#started = false;
    for (const check of this.#all) check.stop();
  }
}
