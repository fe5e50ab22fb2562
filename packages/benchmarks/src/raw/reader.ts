import { Packr } from "msgpackr";
import { type FrameType, HEAD, paddedLength, readU32 } from "./frame.ts";
import type { RawVariant } from "./variant.ts";

/** @param value decoded payload, or the argument of a frame without one */
export type OnFrame = (type: FrameType, id: number, value: unknown) => void;

/** One for all connections: decoding never re-enters. */
const bounds = { start: 0, end: 0 };
const MIN_CARRY = 64;

/** The reading half of a connection: cuts chunks into frames. */
export class Reader {
  readonly #variant: RawVariant;
  readonly #onFrame: OnFrame;
  readonly #packr: Packr;
  /** The beginning of a frame whose end has not come yet. */
  #carry: Buffer | undefined;
  #carried = 0;
  #needed = 0;

  constructor(variant: RawVariant, onFrame: OnFrame) {
    this.#variant = variant;
    this.#onFrame = onFrame;
    // a byte array must not point into a read buffer that is filled again
    this.#packr = new Packr({
      ...(variant.rec ? { sequential: true } : { useRecords: false }),
      copyBuffers: true,
    });
  }

  /** The caller may reuse `bytes` once this returns. */
  push(bytes: Buffer, length: number): void {
    let at = 0;
    if (this.#carry !== undefined) {
      at = this.#complete(this.#carry, bytes, length);
      if (this.#carry !== undefined) return;
    }
    while (length - at >= HEAD) {
      const payload = readU32(bytes, at);
      const total = paddedLength(payload);
      if (length - at < total) break;
      this.#frame(bytes, at, payload);
      at += total;
    }
    if (at === length) return;
    const left = length - at;
    this.#needed = left >= HEAD ? paddedLength(readU32(bytes, at)) : HEAD;
    this.#carry = Buffer.allocUnsafe(Math.max(this.#needed, MIN_CARRY));
    bytes.copy(this.#carry, 0, at, length);
    this.#carried = left;
  }

  /** Goes on with the frame that an earlier chunk began. Returns where the next one starts. */
  #complete(begun: Buffer, bytes: Buffer, length: number): number {
    let carry = begun;
    let at = 0;
    const take = (upTo: number): void => {
      const n = Math.min(upTo - this.#carried, length - at);
      bytes.copy(carry, this.#carried, at, at + n);
      this.#carried += n;
      at += n;
    };
    if (this.#carried < HEAD) {
      take(HEAD);
      if (this.#carried < HEAD) return at;
      this.#needed = paddedLength(readU32(carry, 0));
      if (carry.length < this.#needed) {
        const larger = Buffer.allocUnsafe(this.#needed);
        carry.copy(larger, 0, 0, HEAD);
        carry = larger;
        this.#carry = larger;
      }
    }
    take(this.#needed);
    if (this.#carried < this.#needed) return at;
    this.#carry = undefined;
    this.#frame(carry, 0, readU32(carry, 0));
    return at;
  }

  #frame(bytes: Buffer, at: number, payload: number): void {
    const id = readU32(bytes, at + 4);
    const type = bytes[at + 8] as FrameType;
    this.#onFrame(
      type,
      id,
      payload === 0 ? readU32(bytes, at + 12) : this.#decode(bytes, at + HEAD, payload),
    );
  }

  #decode(bytes: Buffer, start: number, length: number): unknown {
    const end = start + length;
    if (this.#variant.json) return JSON.parse(bytes.toString("utf8", start, end));
    bounds.start = start;
    bounds.end = end;
    return this.#packr.unpack(bytes, bounds);
  }
}
