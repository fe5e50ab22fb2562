import type { HealthSource, Readiness } from "@skein/core";

/** Follows readiness while somebody is connected. */
export class HealthState {
  readonly #source: HealthSource;
  readonly #watching = new Set<() => void>();
  #unsubscribe: (() => void) | undefined;
  #asked = 0;
  #answered = 0;
  ready = false;

  constructor(source: HealthSource) {
    this.#source = source;
  }

  /** From now on those who wait are told of each change. Idempotent. */
  start(): void {
    this.#unsubscribe ??= this.#source.onChange(() => void this.look());
  }

  stop(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
  }

  /** Asks now. Never rejects: who cannot tell is not ready. */
  async look(): Promise<void> {
    const asked = ++this.#asked;
    const { ok }: Pick<Readiness, "ok"> = await this.#source.ready().catch(() => ({ ok: false }));
    // An answer that came late says less than the one that overtook it.
    if (asked < this.#answered) return;
    this.#answered = asked;
    this.ready = ok;
    for (const told of [...this.#watching]) told();
  }

  /** Resolves once it was asked again, or on abort. */
  next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#watching.delete(done);
        signal.removeEventListener("abort", done);
        resolve();
      };
      if (signal.aborted) return resolve();
      this.#watching.add(done);
      signal.addEventListener("abort", done);
    });
  }
}
