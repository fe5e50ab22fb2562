import type { Runtime, Timer } from "../runtime.ts";

/** How often calls are looked at while there are any. */
const TICK_MS = 16;
/** A deadline is found to have passed so much later at most, ms. */
const CLOSEST_MS = 4;
/** A tick that comes so much too late means that our own loop stood still. */
const BLOCKED_MS = 200;

export interface TickerPort {
  readonly runtime: Runtime;
  /** There are calls: look each 16 ms, or sooner. */
  busy(): boolean;
  /** There are none: look after so long, ms. */
  restMs(now: number): number;
  /** Our own loop stood still for so long: nobody else is to blame for that. */
  stoodStill(ms: number): void;
  /** Deadlines and silence are looked at now. Calls arm() in the end. */
  look(): void;
}

/** One timer for a session, in place of one a call: says when to look. */
export class Ticker {
  readonly #port: TickerPort;
  #timer: Timer | undefined;
  #ticking = false;
  #stopped = false;
  #lastTick = 0;
  #tickMs = TICK_MS;
  readonly #onTick = (): void => this.#tick();
  readonly #onLook = (): void => this.#look();

  constructor(port: TickerPort) {
    this.#port = port;
  }

  /**
   * A call has come, or a look is over.
   * @param dueInMs when the next deadline passes: the look comes then, if it is sooner
   */
  arm(dueInMs: number = TICK_MS): void {
    if (this.#ticking || this.#stopped) return;
    const { clock } = this.#port.runtime;
    this.#timer?.cancel();
    if (this.#port.busy()) {
      this.#ticking = true;
      this.#lastTick = clock.monotonic();
      this.#tickMs = Math.min(TICK_MS, Math.max(CLOSEST_MS, dueInMs));
      this.#timer = clock.setTimer(this.#tickMs, this.#onTick);
    } else this.#timer = clock.setTimer(this.#port.restMs(clock.monotonic()), this.#onLook);
  }

  /** For good. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #tick(): void {
    const { runtime } = this.#port;
    const late = runtime.clock.fresh() - this.#lastTick - this.#tickMs;
    if (late < BLOCKED_MS) return this.#look();
    // What came meanwhile waits in the socket, and is read before anybody is judged.
    this.#port.stoodStill(late);
    runtime.yieldToIo(this.#onLook);
  }

  #look(): void {
    if (this.#stopped) return;
    this.#ticking = false;
    this.#port.look();
  }
}
