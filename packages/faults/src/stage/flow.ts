import type { Socket } from "node:net";
import { reset } from "./reset.ts";

/** How bytes fare in one direction. */
export interface Disturbance {
  readonly delayMs?: number;
  /** At random between 0 and this, on top of the delay; the order stays. */
  readonly jitterMs?: number;
  /** Nothing arrives, and nobody is told: neither bytes nor ends. */
  readonly stall?: boolean;
  /** So many bytes arrive at a time, each DRIP_MS. */
  readonly drip?: number;
  /** `garble`: all bits are turned. `flip`: one bit, in one of FLIP_IN chunks. */
  readonly corrupt?: "garble" | "flip";
}

const DRIP_MS = 10;
const FLIP_IN = 4;
/** The sender is not read while so much is held back. */
const MOST_HELD_BYTES = 1024 * 1024;

interface Item {
  readonly at: number;
  bytes: Buffer;
  /** Follows the bytes. */
  readonly end?: "fin" | "reset";
}

/** One direction of a connection. */
export class Flow {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #now: () => Disturbance;
  readonly #items: Item[] = [];
  #held = 0;
  #lastAt = 0;
  #ended = false;
  #timer: NodeJS.Timeout | undefined;

  /** @param now the disturbance that holds */
  constructor(from: Socket, to: Socket, now: () => Disturbance) {
    this.#from = from;
    this.#to = to;
    this.#now = now;
    from.on("data", (bytes: Buffer) => this.#put({ at: this.#due(), bytes: this.#corrupted(bytes) }));
    from.on("end", () => this.#end("fin"));
    from.on("error", () => {});
    from.on("close", () => this.#end("reset"));
    to.on("close", () => clearTimeout(this.#timer));
  }

  /** The receiver is told that nothing more comes. */
  shut(): void {
    if (!this.#to.destroyed) this.#to.end();
    this.#items.length = 0;
    this.#ended = true;
  }

  #due(): number {
    const { delayMs = 0, jitterMs = 0 } = this.#now();
    this.#lastAt = Math.max(this.#lastAt, performance.now() + delayMs + Math.random() * jitterMs);
    return this.#lastAt;
  }

  #end(end: "fin" | "reset"): void {
    // After an orderly end the socket's close says nothing new, unless it is the other half that is cut.
    if (end === "reset" && this.#ended) return;
    this.#put({ at: this.#due(), bytes: Buffer.alloc(0), end });
    this.#ended = true;
  }

  #put(item: Item): void {
    if (this.#ended) return;
    this.#items.push(item);
    this.#held += item.bytes.length;
    if (this.#held > MOST_HELD_BYTES) this.#from.pause();
    if (this.#timer === undefined) this.pump();
  }

  /** Hands on what is due. */
  pump(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#items.length > 0 && this.#now().stall !== true && !this.#to.destroyed) {
      const item = this.#items[0] as Item;
      const early = item.at - performance.now();
      if (early > 0) return this.#later(early);
      if (!this.#give(item)) return this.#later(DRIP_MS);
    }
  }

  /** False: it has more, for later. */
  #give(item: Item): boolean {
    const { drip = Number.POSITIVE_INFINITY } = this.#now();
    const some = item.bytes.subarray(0, drip);
    if (some.length > 0) this.#to.write(some);
    this.#held -= some.length;
    if (this.#held <= MOST_HELD_BYTES && this.#from.isPaused()) this.#from.resume();
    if (some.length < item.bytes.length) {
      item.bytes = item.bytes.subarray(some.length);
      return false;
    }
    this.#items.shift();
    if (item.end === "fin") this.#to.end();
    else if (item.end === "reset") reset(this.#to);
    return drip === Number.POSITIVE_INFINITY || item.end !== undefined;
  }

  #later(ms: number): void {
    this.#timer = setTimeout(() => this.pump(), ms);
  }

  #corrupted(bytes: Buffer): Buffer {
    const { corrupt } = this.#now();
    if (corrupt === "garble") return bytes.map((byte) => byte ^ 0xff) as Buffer;
    if (corrupt === "flip" && Math.random() * FLIP_IN < 1) {
      const at = Math.floor(Math.random() * bytes.length);
      bytes[at] = (bytes[at] as number) ^ (1 << Math.floor(Math.random() * 8));
    }
    return bytes;
  }
}
