import { HEAD_BYTES, writeHead } from "./message.ts";

export interface OutgoingOptions {
  readonly epoch: number;
  /** Bytes of a message without its head. At most half the window. */
  readonly partBytes: number;
  /** So many bytes may be on their way. */
  readonly windowBytes: number;
}

/** One direction of a connection at its beginning: bytes in, numbered messages out, as many as the peer's window allows. Without I/O. */
export class Outgoing {
  readonly #options: OutgoingOptions;
  readonly #pieces: Uint8Array[] = [];
  /** Where the first piece goes on. */
  #from = 0;
  #queued = 0;
  #inFlight = 0;
  #sequence = 0;
  /** Bytes the peer has acknowledged, modulo 2^32. */
  #acknowledged = 0;

  constructor(options: OutgoingOptions) {
    this.#options = options;
  }

  /** The number of the next message. */
  get sequence(): number {
    return this.#sequence;
  }
  /** Not sent yet. */
  get queued(): number {
    return this.#queued;
  }
  /** Sent and not acknowledged. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Takes the bytes over: they may not change while something is queued. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#pieces.push(bytes);
    this.#queued += bytes.length;
  }

  /** The next message, in memory of its own; undefined while nothing is queued or the window is shut. */
  next(acknowledge: number): Uint8Array | undefined {
    const { partBytes, windowBytes, epoch } = this.#options;
    const take = Math.min(this.#queued, partBytes);
    if (take === 0 || take > windowBytes - this.#inFlight) return undefined;
    const message = Buffer.allocUnsafe(HEAD_BYTES + take);
    writeHead(message, "data", epoch, this.#number(), acknowledge);
    this.#fill(message, HEAD_BYTES);
    this.#queued -= take;
    this.#inFlight += take;
    return message;
  }

  /** The last one, once nothing is queued. */
  end(acknowledge: number): Uint8Array {
    const message = Buffer.allocUnsafe(HEAD_BYTES);
    writeHead(message, "end", this.#options.epoch, this.#number(), acknowledge);
    return message;
  }

  /** The peer has taken `total` bytes so far (modulo 2^32). False: more than were sent, or fewer than before. */
  acknowledged(total: number): boolean {
    const more = (total - this.#acknowledged) >>> 0;
    if (more > this.#inFlight) return false;
    this.#acknowledged = total;
    this.#inFlight -= more;
    return true;
  }

  /** Drops what is queued. */
  clear(): void {
    this.#pieces.length = this.#from = this.#queued = 0;
  }

  #number(): number {
    const number = this.#sequence;
    this.#sequence = (number + 1) >>> 0;
    return number;
  }

  #fill(message: Uint8Array, start: number): void {
    let at = start;
    let used = 0;
    while (at < message.length) {
      const piece = this.#pieces[used] as Uint8Array;
      const take = Math.min(piece.length - this.#from, message.length - at);
      message.set(piece.subarray(this.#from, this.#from + take), at);
      at += take;
      this.#from += take;
      if (this.#from < piece.length) break;
      this.#from = 0;
      used++;
    }
    this.#pieces.splice(0, used);
  }
}
