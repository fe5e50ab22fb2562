import type { Clock, Timer } from "../runtime.ts";

interface Watched {
  readonly expiresAt: number;
  expire(): void;
}

const TICK_MS = 16;

/** Aborts calls whose deadline passes while somebody listens (`onAbort`, `signal`); others are merely compared when they are looked at. */
export class DeadlineWatch {
  readonly #clock: Clock;
  readonly #calls = new Set<Watched>();
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(call: Watched): void {
    this.#calls.add(call);
    this.#timer ??= this.#clock.setTimer(TICK_MS, () => this.#tick());
  }

  delete(call: Watched): void {
    this.#calls.delete(call);
  }

  #tick(): void {
    this.#timer = undefined;
    const now = this.#clock.fresh();
    for (const call of this.#calls) {
      if (call.expiresAt > now) continue;
      this.#calls.delete(call);
      call.expire();
    }
    if (this.#calls.size > 0) this.#timer = this.#clock.setTimer(TICK_MS, () => this.#tick());
  }

  close(): void {
    this.#timer?.cancel();
    this.#calls.clear();
  }
}
