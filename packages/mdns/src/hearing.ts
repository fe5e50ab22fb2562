/** A question that does not come back to us within this, ms, makes us doubt. */
const ECHO_MS = 250;
/** So many that did not, in a row, over so long, ms: nothing is heard. */
const MOST_UNHEARD = 4;
const DEAF_MS = 800;
/** Between questions while we doubt, and while we know. */
const DOUBT_EVERY_MS = 200;
const DEAF_EVERY_MS = 500;

export type HearingState = "hears" | "doubts" | "deaf";

/**
 * Whether the network is there at all. Multicast comes back to whoever sends it: questions of ours that are not heard again mean that answers would not be
 * either, so that silence says nothing about others. Pure: times are given, monotonic ms.
 */
export class Hearing {
  #unheard = 0;
  #firstAt = 0;
  #lastAt = Number.NEGATIVE_INFINITY;
  #deaf = false;
  #cause: unknown;

  /** A question was sent. */
  asked(now: number): void {
    if (this.#unheard++ === 0) this.#firstAt = now;
    this.#lastAt = now;
  }

  /** A question could not even be sent: that alone may be a full buffer. */
  failed(error: unknown): void {
    this.#cause = error;
  }

  /** Something came in, of ourselves or of others. @returns whether nothing was heard before */
  heard(): boolean {
    const was = this.#deaf;
    this.#deaf = false;
    this.#unheard = 0;
    this.#cause = undefined;
    return was;
  }

  /** Why nothing is heard. */
  get cause(): unknown {
    return this.#cause;
  }

  state(now: number): HearingState {
    const silent = now - this.#firstAt >= DEAF_MS && now - this.#lastAt >= ECHO_MS / 2;
    if (this.#unheard >= MOST_UNHEARD && silent) this.#deaf = true;
    if (this.#deaf) return "deaf";
    return this.#unheard > 0 && now - this.#firstAt >= ECHO_MS ? "doubts" : "hears";
  }

  /** When to ask in order to know, and to look at state() again; infinite where there is no doubt. */
  askAt(now: number): number {
    const state = this.state(now);
    if (state === "hears") return this.#unheard > 0 ? this.#firstAt + ECHO_MS : Number.POSITIVE_INFINITY;
    return Math.max(now, this.#lastAt + (state === "deaf" ? DEAF_EVERY_MS : DOUBT_EVERY_MS));
  }
}
