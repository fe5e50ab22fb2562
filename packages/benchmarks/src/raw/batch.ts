import type { Socket } from "node:net";
import { Packr, RESERVE_START_SPACE, REUSE_BUFFER_MODE } from "msgpackr";
import { type FrameType, HEAD, paddedLength, type ViewedBuffer, writeHead } from "./frame.ts";
import type { RawVariant } from "./variant.ts";

const BATCH_BYTES = 256 * 1024;
/** Less room than this: the batch leaves and a new one begins. */
const MIN_ROOM = 4096;
/** Less room than this after a write that the kernel did not take whole: go on in a new buffer. */
const MIN_ROOM_AFTER_WRITE = 65_536;

/** What pack() returns with the options above: the buffer it packed into, and where. */
type Packed = ViewedBuffer & { readonly start: number; readonly end: number };

/** The writing half of a connection: frames are packed one behind the other and leave together. */
export class Batch {
  readonly #socket: Socket;
  readonly #variant: RawVariant;
  readonly #packr: Packr;
  #buffer: ViewedBuffer = Buffer.allocUnsafeSlow(BATCH_BYTES);
  #start = 0;
  #position = 0;
  #scheduled = false;

  constructor(socket: Socket, variant: RawVariant) {
    this.#socket = socket;
    this.#variant = variant;
    this.#packr = new Packr(variant.rec ? { sequential: true } : { useRecords: false });
  }

  send(type: FrameType, id: number, value: unknown): void {
    if (this.#variant.json) this.#copy(type, id, Buffer.from(JSON.stringify(value)));
    else if (!this.#variant.zc) this.#copy(type, id, this.#packr.pack(value));
    else if (this.#packInPlace(type, id, value)) return;
    this.#added();
  }

  /** A frame without a payload. */
  control(type: FrameType, id: number, argument: number): void {
    if (BATCH_BYTES - this.#position < HEAD) this.#write();
    writeHead(this.#buffer, this.#position, 0, id, type, argument);
    this.#position += HEAD;
    this.#added();
  }

  /** True when msgpackr moved the value to a larger buffer of its own, which has been written already. */
  #packInPlace(type: FrameType, id: number, value: unknown): boolean {
    const packr = this.#packr;
    if (BATCH_BYTES - this.#position < MIN_ROOM) this.#write();
    packr.useBuffer(this.#buffer);
    packr.position = this.#position;
    const packed = packr.pack(value, RESERVE_START_SPACE | REUSE_BUFFER_MODE | HEAD) as Packed;
    const { start, end } = packed;
    const moved = packed !== this.#buffer;
    if (moved) this.#write();
    writeHead(packed, start, end - start - HEAD, id, type, 0);
    const padded = (end + 7) & ~7;
    if (moved) this.#socket.write(packed.subarray(start, Math.min(padded, packed.length)));
    else this.#position = padded;
    return moved;
  }

  #copy(type: FrameType, id: number, payload: Buffer): void {
    const total = paddedLength(payload.length);
    if (BATCH_BYTES - this.#position < total) this.#write();
    if (total > BATCH_BYTES) {
      const own = Buffer.allocUnsafe(total);
      writeHead(own, 0, payload.length, id, type, 0);
      payload.copy(own, HEAD);
      this.#socket.write(own);
      return;
    }
    writeHead(this.#buffer, this.#position, payload.length, id, type, 0);
    payload.copy(this.#buffer, this.#position + HEAD);
    this.#position += total;
  }

  #added(): void {
    const { flush, early } = this.#variant;
    if (flush === "none") this.#writeAlone();
    else if (early > 0 && this.#position - this.#start >= early) this.#write();
    else if (!this.#scheduled) this.#schedule();
  }

  #schedule(): void {
    this.#scheduled = true;
    const { flush } = this.#variant;
    if (flush === "tick") process.nextTick(this.#leave);
    else if (flush === "micro") queueMicrotask(this.#leave);
    else setImmediate(this.#leave);
  }

  readonly #leave = (): void => {
    this.#scheduled = false;
    this.#write();
  };

  #write(): void {
    if (this.#position === this.#start) return;
    this.#socket.write(this.#buffer.subarray(this.#start, this.#position));
    // the kernel has taken it all: the same buffer can be filled again
    if (this.#socket.writableLength === 0) this.#start = this.#position = 0;
    else if (BATCH_BYTES - this.#position < MIN_ROOM_AFTER_WRITE) this.#renew();
    else this.#start = this.#position;
  }

  #writeAlone(): void {
    if (this.#variant.cork && !this.#scheduled) {
      this.#scheduled = true;
      this.#socket.cork();
      process.nextTick(() => {
        this.#scheduled = false;
        this.#socket.uncork();
      });
    }
    const frame = this.#buffer.subarray(this.#start, this.#position);
    this.#start = this.#position;
    this.#socket.write(frame);
    if (BATCH_BYTES - this.#position < MIN_ROOM_AFTER_WRITE) this.#renew();
  }

  #renew(): void {
    this.#buffer = Buffer.allocUnsafeSlow(BATCH_BYTES);
    this.#start = this.#position = 0;
  }
}
