import type { Writer } from "./transport.ts";

/** Values to bytes and back. Every codec passes `codecConformance`. */
export interface Codec {
  /** `application/msgpack`, `application/json`: what HELLO agrees on. */
  readonly contentType: string;
  /**
   * Writes at w.position and moves it on (w.position is a multiple of 8 and at least 4 KB are free). A value that does not fit is
   * returned in a buffer of its own, nothing having been written. Throws CodecError for what cannot be encoded.
   */
  encodeInto(value: unknown, w: Writer): Uint8Array | undefined;
  /** Exactly one value in bytes[start, end). The bytes may be reused afterwards: nothing decoded refers to them. Throws CodecError. */
  decode(bytes: Uint8Array, start: number, end: number): unknown;
}

/** Checked while decoding, never after it. */
export interface DecodeLimits {
  /** Levels of nesting. @default 64 */
  readonly maxDepth: number;
  /** Values in one message, keys excluded. @default 500_000 */
  readonly maxValues: number;
}
export const DEFAULT_DECODE_LIMITS: DecodeLimits = { maxDepth: 64, maxValues: 500_000 };

export interface CodecFactory {
  readonly contentType: string;
  /** One a connection. */
  create(limits: DecodeLimits): Codec;
}

/** What could not be encoded or decoded, and where. */
export class CodecError extends Error {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = "CodecError";
  }
}
