import type { Writer } from "../transport.ts";

/** What a batch buffer needs of its transport. */
export interface BatchRim {
  /** Memory for frames; need not be cleared. */
  allocate(bytes: number): Uint8Array;
  /** Takes the bytes over; they are not touched again until isEmpty(). */
  write(bytes: Uint8Array): void;
  /** All that was written has been taken by the system: its memory may be used again. */
  isEmpty(): boolean;
  /** Runs at the end of the tick. */
  defer(fn: () => void): void;
}

const POOL_BYTES = 256 * 1024;
/** A buffer with less than this left is replaced, while the system still holds what was written from it. */
const SPENT_BYTES = 64 * 1024;
/** As soon as so much waits it leaves, not only at the end of the tick: the two sides stop taking turns (half again the rate at 64 calls in flight). */
const EARLY_BYTES = 4096;

/** Frames one behind the other, which leave together: once a tick, or at once when 4 KB wait. */
export class BatchBuffer implements Writer {
  bytes!: Uint8Array;
  view!: DataView;
  position = 0;
  readonly #rim: BatchRim;
  /** Committed and not written: bytes[start, end). */
  #start = 0;
  #end = 0;
  #scheduled = false;
  readonly #flushLater = (): void => {
    this.#scheduled = false;
    this.flush();
  };

  constructor(rim: BatchRim) {
    this.#rim = rim;
    this.#renew();
  }

  #renew(): void {
    this.bytes = this.#rim.allocate(POOL_BYTES);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    this.#start = this.#end = this.position = 0;
  }

  /** Bytes committed and not yet written. */
  get waiting(): number {
    return this.#end - this.#start;
  }

  /** At least `size` bytes from `position` on. What was begun and not committed is dropped. */
  reserve(size: number): void {
    if (POOL_BYTES - this.#end < size) {
      this.flush();
      if (POOL_BYTES - this.#end < size) this.#renew();
    }
    this.position = this.#end;
  }

  commit(): void {
    this.#pad();
    if (this.#end - this.#start >= EARLY_BYTES) this.flush();
    else this.#schedule();
  }

  /** What was written is followed by `tail`, which is not copied. */
  commitWith(tail: Uint8Array): void {
    const spill = (this.position + tail.length) & 7;
    this.#end = this.position;
    this.#write();
    this.#rim.write(tail);
    if (spill !== 0) this.#rim.write(PADDING.subarray(spill));
    this.#settle();
    // The next frame begins at a multiple of 8 of the stream: of the buffer as well.
    this.#start = this.#end = (this.#end + 7) & ~7;
  }

  /** Zeroes up to a multiple of 8: nothing of what stood here before leaves. */
  #pad(): void {
    let p = this.position;
    while ((p & 7) !== 0) this.bytes[p++] = 0;
    this.#end = p;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#rim.defer(this.#flushLater);
  }

  flush(): void {
    if (this.#end === this.#start) return;
    this.#write();
    this.#settle();
  }

  #write(): void {
    if (this.#end === this.#start) return;
    this.#rim.write(this.bytes.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }

  #settle(): void {
    if (this.#rim.isEmpty()) this.#start = this.#end = 0;
    else if (POOL_BYTES - this.#end < SPENT_BYTES) this.#renew();
  }
}
const PADDING = new Uint8Array(8);
