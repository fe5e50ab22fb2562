import type { Clock, HealthSource, Readiness, Timer } from "@skein/core";

/** How soon a change is seen, ms. */
const EVERY_MS = 250;

/** Follows readiness while somebody is connected. */
export class HealthState {
  readonly #source: HealthSource;
  readonly #clock: Clock;
  readonly #onLeaving: () => void;
  readonly #watching = new Set<() => void>();
  #timer: Timer | undefined;
  #running = false;
  ready = false;
  /** This process is about to end. */
  leaving = false;

  constructor(source: HealthSource, clock: Clock, onLeaving: () => void) {
    this.#source = source;
    this.#clock = clock;
    this.#onLeaving = onLeaving;
  }

  /** From now on it is asked again and again, and listeners are told each time. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    void this.#follow();
  }

  stop(): void {
    this.#running = false;
    this.#timer?.cancel();
  }

  async #follow(): Promise<void> {
    await this.look();
    if (!this.#running) return;
    this.#timer?.cancel();
    this.#timer = this.#clock.setTimer(EVERY_MS, () => void this.#follow());
  }

  /** Asks now. Never rejects: who cannot tell is not ready. */
  async look(): Promise<void> {
    const readiness: Readiness = await this.#source.ready().catch(() => ({ ok: false, checks: {} }));
    this.ready = readiness.ok;
    const state = readiness.checks.state;
    if (!this.leaving && state?.ok === false && LEAVING.has(state.reason ?? "")) {
      this.leaving = true;
      this.#onLeaving();
    }
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

const LEAVING = new Set(["draining", "closed"]);
