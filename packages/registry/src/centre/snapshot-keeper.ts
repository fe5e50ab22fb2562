import type { Clock, Logger, Timer } from "@skein/core";

/** After a change, ms: what comes within is written together. */
const DELAY_MS = 1000;
/** Between writes, as many times as one takes: a large registry that changes all the time is not busy writing only. */
const REST = 20;
const COMPLAIN_EVERY_MS = 60_000;

export interface SnapshotKeeperOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** What is to be written, now. */
  text(): string;
  save(text: string): Promise<void>;
}

/** Writes after changes, one at a time; a write that failed is tried again. */
export class SnapshotKeeper {
  readonly #o: SnapshotKeeperOptions;
  #dirty = false;
  #timer: Timer | undefined;
  #writing: Promise<void> | undefined;
  #delayMs = DELAY_MS;
  #complainedAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(options: SnapshotKeeperOptions) {
    this.#o = options;
  }

  changed(): void {
    this.#dirty = true;
    if (this.#timer !== undefined || this.#writing !== undefined || this.#closed) return;
    this.#timer = this.#o.clock.setTimer(this.#delayMs, () => {
      this.#timer = undefined;
      this.#writing = this.#write().finally(() => {
        this.#writing = undefined;
        if (this.#dirty) this.changed();
      });
    });
  }

  /** Never rejects. */
  async #write(): Promise<void> {
    const { clock, logger } = this.#o;
    const started = clock.fresh();
    this.#dirty = false;
    try {
      await this.#o.save(this.#o.text());
      this.#complainedAt = Number.NEGATIVE_INFINITY;
    } catch (error) {
      this.#dirty = true;
      if (clock.monotonic() - this.#complainedAt > COMPLAIN_EVERY_MS) {
        this.#complainedAt = clock.monotonic();
        logger.error({ err: error }, "the snapshot was not written: trying again, the registry goes on");
      }
    }
    this.#delayMs = Math.max(DELAY_MS, REST * (clock.fresh() - started));
  }

  /** Writes a last time, all that is there. Rejects where that fails. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#writing;
    await this.#o.save(this.#o.text());
  }
}
