import type { Message } from "./message.ts";

/** What to do with a message of the peer's stream. */
export type Verdict = "take" | "end" | "gap" | "overrun";

/** The other end of a direction: sees that nothing is missing, doubled or more than was asked for, and when to acknowledge. Without I/O. */
export class Incoming {
  readonly #windowBytes: number;
  #next = 0;
  /** Came in and not handed on. */
  #waiting = 0;
  /** Handed on, modulo 2^32. */
  #taken = 0;
  /** Of these, not told yet. */
  #untold = 0;

  constructor(windowBytes: number) {
    this.#windowBytes = windowBytes;
  }

  /** Of a `data` or `end` message. After `gap` or `overrun` the connection is over. */
  check({ kind, sequence, body }: Message): Verdict {
    if (sequence !== this.#next) return "gap";
    this.#next = (sequence + 1) >>> 0;
    if (kind === "end") return "end";
    this.#waiting += body.length;
    return this.#waiting + this.#untold > this.#windowBytes ? "overrun" : "take";
  }

  /** So many bytes were handed on. */
  take(bytes: number): void {
    this.#waiting -= bytes;
    this.#untold += bytes;
    this.#taken = (this.#taken + bytes) >>> 0;
  }

  /** How many were handed on, modulo 2^32. */
  get taken(): number {
    return this.#taken;
  }

  /** `taken`, for a message that leaves now. */
  tell(): number {
    this.#untold = 0;
    return this.#taken;
  }

  /** So much is untold that the peer would soon wait for it: a message of its own is due. */
  get due(): boolean {
    return this.#untold >= this.#windowBytes / 4;
  }

  get expected(): number {
    return this.#next;
  }
}
