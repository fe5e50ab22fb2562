import { HEADER_BYTES, ProtocolError } from "./frame.ts";

export interface FrameSink {
  /** One whole frame in bytes[start, end), padding left out. The bytes may be reused after it returns. */
  frame(bytes: Uint8Array, start: number, end: number): void;
}

/**
 * Chunks in, whole frames out. A frame that lies wholly within a chunk is handed on in place; one that does not is put together in a
 * buffer of its own, made once its length is known and within the limit. Padding is skipped, whatever it holds: senders write zeroes.
 */
export class FrameDecoder {
  readonly #maxFrameBytes: number;
  readonly #sink: FrameSink;
  #rest: Uint8Array | undefined;
  #got = 0;
  #need = 0;
  #begun = 0;
  #stopped = false;

  constructor(maxFrameBytes: number, sink: FrameSink) {
    this.#maxFrameBytes = maxFrameBytes;
    this.#sink = sink;
  }

  /** A frame has begun and is not whole: bytes of it that are here, else 0. */
  get partial(): number {
    return this.#rest === undefined ? 0 : this.#got;
  }

  /** How many frames have come in pieces so far: tells whether `partial` still speaks of the same one. */
  get begun(): number {
    return this.#begun;
  }

  /** From now on nothing is handed on, not even what is left of the chunk being pushed. */
  stop(): void {
    this.#stopped = true;
    this.#rest = undefined;
  }

  /** Takes bytes[start, n). Throws ProtocolError for a length that cannot be; nothing may be pushed after that. */
  push(bytes: Uint8Array, n: number = bytes.length, start = 0): void {
    let p = start;
    if (this.#stopped) return;
    if (this.#rest !== undefined) {
      p = this.#finish(bytes, p, n);
      if (p < 0) return;
    }
    while (n - p >= 4 && !this.#stopped) {
      const length = this.#lengthAt(bytes, p);
      const total = (length + 7) & ~7;
      if (n - p < total) break;
      this.#sink.frame(bytes, p, p + length);
      p += total;
    }
    if (p < n && !this.#stopped) this.#keep(bytes, p, n);
  }

  #lengthAt(b: Uint8Array, p: number): number {
    const length =
      ((b[p] as number) |
        ((b[p + 1] as number) << 8) |
        ((b[p + 2] as number) << 16) |
        ((b[p + 3] as number) << 24)) >>>
      0;
    if (length < HEADER_BYTES)
      throw new ProtocolError(`a frame of ${length} bytes: at least ${HEADER_BYTES}`);
    if (length > this.#maxFrameBytes)
      throw new ProtocolError(`a frame of ${length} bytes: at most ${this.#maxFrameBytes}`);
    return length;
  }

  #keep(bytes: Uint8Array, p: number, n: number): void {
    const left = n - p;
    const need = left >= 4 ? (this.#lengthAt(bytes, p) + 7) & ~7 : 4;
    const rest = make(bytes, Math.max(need, 64));
    rest.set(bytes.subarray(p, n));
    this.#begun++;
    this.#rest = rest;
    this.#got = left;
    this.#need = need;
  }

  /** Completes the frame that earlier chunks began. Returns where the next one begins; -1: still not whole. */
  #finish(bytes: Uint8Array, from: number, n: number): number {
    let p = from;
    let rest = this.#rest as Uint8Array;
    if (this.#got < 4) {
      while (this.#got < 4 && p < n) rest[this.#got++] = bytes[p++] as number;
      if (this.#got < 4) return -1;
      this.#need = (this.#lengthAt(rest, 0) + 7) & ~7;
      if (rest.length < this.#need) {
        const larger = make(bytes, this.#need);
        larger.set(rest.subarray(0, 4));
        this.#rest = rest = larger;
      }
    }
    const take = Math.min(this.#need - this.#got, n - p);
    if (take > 0) rest.set(bytes.subarray(p, p + take), this.#got);
    this.#got += take;
    if (this.#got < this.#need) return -1;
    this.#rest = undefined;
    this.#sink.frame(rest, 0, this.#lengthAt(rest, 0));
    return p + take;
  }
}

/** Bytes of the kind that the rim gives (Buffer on Node), so that what reads them sees one kind. */
function make(like: Uint8Array, size: number): Uint8Array {
  const kind = like.constructor as { allocUnsafeSlow?: (size: number) => Uint8Array };
  return kind.allocUnsafeSlow?.(size) ?? new Uint8Array(size);
}
