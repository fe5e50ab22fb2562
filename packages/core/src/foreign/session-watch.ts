import type { Runtime, Timer } from "../runtime.ts";
import type { LivenessOptions } from "../session/client-session-types.ts";
import { Liveness } from "../session/liveness.ts";

/** How often deadlines and silence are looked at while calls are in flight. */
const TICK_MS = 16;
/** A tick that comes so much too late means that our own loop stood still. */
const BLOCKED_MS = 200;

export interface SessionWatchPort {
  readonly runtime: Runtime;
  readonly liveness: LivenessOptions;
  /** Calls in flight and waiting. */
  pending(): number;
  /** Another number once something was read of the peer. */
  bytesRead(): number;
  /** Ends what is late. True: a call in flight has time left. */
  expire(now: number): boolean;
  /** Sends something that the peer must answer. */
  ping(): void;
  suspect(suspected: boolean): void;
  dead(): void;
}

/** The clock of a session of another protocol: looks at deadlines and silence, often while there are calls, else when something can have changed. */
export class SessionWatch {
  readonly #port: SessionWatchPort;
  readonly #liveness: Liveness;
  #timer: Timer | undefined;
  #ticking = false;
  #lastTick = 0;
  #read = 0;
  #ended = false;

  constructor(port: SessionWatchPort) {
    this.#port = port;
    this.#liveness = new Liveness(port.liveness, port.runtime.clock.monotonic());
  }

  get suspected(): boolean {
    return this.#liveness.suspected;
  }

  /** A call was sent, the only one. */
  expecting(now: number): void {
    this.#liveness.expecting(now);
  }

  /** From the beginning, and after each change of what is pending. */
  arm(): void {
    if (this.#ended || this.#ticking) return;
    const { clock } = this.#port.runtime;
    this.#timer?.cancel();
    this.#ticking = this.#port.pending() > 0;
    this.#lastTick = clock.monotonic();
    this.#timer = this.#ticking
      ? clock.setTimer(TICK_MS, () => this.#tick())
      : clock.setTimer(this.#liveness.nextLookMs(this.#lastTick), () => this.#look());
  }

  end(): void {
    this.#ended = true;
    this.#timer?.cancel();
  }

  #tick(): void {
    const late = this.#port.runtime.clock.fresh() - this.#lastTick - TICK_MS;
    if (late < BLOCKED_MS) return this.#look();
    // What came meanwhile waits in the socket, and is read before anybody is judged.
    this.#liveness.excuse(late);
    this.#port.runtime.yieldToIo(() => this.#look());
  }

  #look(): void {
    if (this.#ended) return;
    this.#ticking = false;
    const port = this.#port;
    const now = port.runtime.clock.fresh();
    this.#hear(now);
    const hopeful = port.expire(now);
    const verdict = this.#liveness.judge(now, port.pending() > 0, hopeful);
    if (verdict === "ping") port.ping();
    else if (verdict === "suspect") port.suspect(true);
    else if (verdict === "dead") port.dead();
    this.arm();
  }

  #hear(now: number): void {
    const read = this.#port.bytesRead();
    if (read === this.#read) return;
    this.#read = read;
    if (this.#liveness.heard(now)) this.#port.suspect(false);
  }
}
