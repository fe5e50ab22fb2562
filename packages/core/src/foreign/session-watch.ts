import type { Runtime } from "../runtime.ts";
import type { LivenessOptions } from "../session/client-session-types.ts";
import { Liveness } from "../session/liveness.ts";
import { Ticker } from "../session/ticker.ts";

export interface SessionWatchPort {
  readonly runtime: Runtime;
  readonly liveness: LivenessOptions;
  /** Calls in flight and waiting. */
  pending(): number;
  /** Another number once something was read of the peer. */
  bytesRead(): number;
  /** Calls that were sent. */
  inFlight(): number;
  /** Ends what is late. Returns when the next deadline of what is left passes; Infinity where there is none. */
  expire(now: number): number;
  /** Sends something that the peer must answer. */
  ping(): void;
  suspect(suspected: boolean): void;
  dead(): void;
}

/** The clock of a session of another protocol: looks at deadlines and silence, often while there are calls, else when something can have changed. */
export class SessionWatch {
  readonly #port: SessionWatchPort;
  readonly #liveness: Liveness;
  readonly #ticker: Ticker;
  #read = 0;

  constructor(port: SessionWatchPort) {
    const { runtime } = port;
    const liveness = new Liveness(port.liveness, runtime.clock.monotonic());
    this.#port = port;
    this.#liveness = liveness;
    this.#ticker = new Ticker({
      runtime,
      busy: () => port.pending() > 0,
      restMs: (now) => liveness.nextLookMs(now),
      stoodStill: (ms) => liveness.excuse(ms),
      look: () => this.#look(),
    });
  }

  /** A call was sent, the only one. */
  expecting(now: number): void {
    this.#liveness.expecting(now);
  }

  /** From the beginning, and after each change of what is pending. */
  arm(): void {
    this.#ticker.arm();
  }

  end(): void {
    this.#ticker.stop();
  }

  #look(): void {
    const port = this.#port;
    const now = port.runtime.clock.fresh();
    this.#hear(now);
    const next = port.expire(now);
    const verdict = this.#liveness.judge(now, port.pending() > 0, port.inFlight() > 0);
    if (verdict === "ping") port.ping();
    else if (verdict === "suspect") port.suspect(true);
    else if (verdict === "dead") port.dead();
    this.#ticker.arm(next - now);
  }

  #hear(now: number): void {
    const read = this.#port.bytesRead();
    if (read === this.#read) return;
    this.#read = read;
    if (this.#liveness.heard(now)) this.#port.suspect(false);
  }
}
