import type { LivenessOptions } from "./client-session-types.ts";

export type Verdict = "well" | "ping" | "suspect" | "dead";

/**
 * Judges a connection by its silence. Outstanding calls and nothing read for `quietMs`: ping. Nothing for `suspectMs` more: suspect.
 * Nothing for `silentMs`: dead, but while calls with more time left wait, only after `deadAfterMs`. Pure: told what happens, asked for
 * a verdict. (Two stages, because at 5 % packet loss TCP alone stalls for more than a second.)
 */
export class Liveness {
  readonly #options: LivenessOptions;
  #quietSince: number;
  #pingedAt = Number.NaN;
  suspected = false;

  constructor(options: LivenessOptions, now: number) {
    this.#options = options;
    this.#quietSince = now;
  }

  /** Bytes were read. Returns true when they clear a suspicion. */
  heard(now: number): boolean {
    this.#quietSince = now;
    this.#pingedAt = Number.NaN;
    const cleared = this.suspected;
    this.suspected = false;
    return cleared;
  }

  /** The first call after an idle time was sent: silence counts from here. */
  expecting(now: number): void {
    if (Number.isNaN(this.#pingedAt)) this.#quietSince = now;
  }

  /** Our own loop stood still for `ms`: what the peer sent meanwhile has not been read, so it is not blamed. */
  excuse(ms: number): void {
    this.#quietSince += ms;
    this.#pingedAt += ms;
  }

  /**
   * @param pending calls are outstanding
   * @param hopeful one of them has time left
   * @returns each of `ping` and `suspect` once per silence
   */
  judge(now: number, pending: boolean, hopeful: boolean): Verdict {
    const o = this.#options;
    const quiet = now - this.#quietSince;
    if (Number.isNaN(this.#pingedAt)) {
      if (quiet < (pending ? o.quietMs : o.idlePingMs)) return "well";
      this.#pingedAt = now;
      return "ping";
    }
    const unanswered = now - this.#pingedAt;
    const silent = pending ? quiet : unanswered;
    if (silent >= (pending && hopeful ? o.deadAfterMs : o.silentMs) && unanswered >= o.suspectMs)
      return "dead";
    if (!this.suspected && unanswered >= o.suspectMs) {
      this.suspected = true;
      return "suspect";
    }
    return "well";
  }

  /** How long until judge() can say something new, ms. */
  nextLookMs(now: number): number {
    if (!Number.isNaN(this.#pingedAt)) return 250;
    return Math.max(16, this.#options.idlePingMs - (now - this.#quietSince));
  }
}
