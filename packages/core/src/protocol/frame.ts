/** The frame of the session protocol, version 1. docs/protocol.md describes it, with golden bytes. */

import { wholeMs } from "../whole-ms.ts";

export const PROTOCOL_VERSION = 1;
export const HEADER_BYTES = 16;

/** Types of frames. Unknown ones with the high bit set are skipped; others are a protocol error. */
export const HELLO = 1;
export const CALL = 2;
export const DATA = 3;
export const RESULT = 4;
export const ERROR = 5;
export const CANCEL = 6;
export const CREDIT = 7;
export const PING = 8;
export const PONG = 9;
export const AUTH = 10;
export const GOAWAY = 11;
export const GOAWAY_ACK = 12;
export const SKIPPABLE = 0x80;

/** The sender's direction of the stream ends with this frame; on GOAWAY: the connection closes now. */
export const END = 0x01;
/** The message goes on in the next frame of the stream. */
export const MORE = 0x02;
/** A trace context of 32 bytes is in front of the payload. */
export const TRACE = 0x04;
/** A map of metadata is in front of the payload (behind the trace context). */
export const META = 0x08;
/** The payload is an array of items. */
export const BATCH = 0x10;
/** Reserved: never sent, refused when it comes. */
export const COMPRESSED = 0x20;
/** The call is tried again: it is not retried below. */
export const RETRY = 0x40;
const KNOWN_FLAGS = END | MORE | TRACE | META | BATCH | RETRY;

/** A breach of the protocol by the peer: the connection is closed. */
export class ProtocolError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ProtocolError";
  }
}

/** A frame's header as read; one object a session, used again for every frame. */
export class Frame {
  type = 0;
  flags = 0;
  method = 0;
  stream = 0;
  /** Time left (CALL), load (RESULT), outcome (ERROR), credit (CREDIT), versions (HELLO). */
  last = 0;
  bytes: Uint8Array = EMPTY;
  /** Where metadata, or else the payload, begins. */
  start = 0;
  end = 0;

  read(bytes: Uint8Array, start: number, end: number): void {
    this.stream = u32(bytes, start + 4);
    this.type = bytes[start + 8] as number;
    this.flags = bytes[start + 9] as number;
    this.method = (bytes[start + 10] as number) | ((bytes[start + 11] as number) << 8);
    this.last = u32(bytes, start + 12) >>> 0;
    this.bytes = bytes;
    this.start = start + HEADER_BYTES;
    this.end = end;
    if ((this.flags & ~KNOWN_FLAGS) !== 0 && this.type < SKIPPABLE)
      throw new ProtocolError(`frame type ${this.type}: unknown flags 0x${this.flags.toString(16)}`);
  }
}
const EMPTY = new Uint8Array(0);

/** Stream ids stay below 2^31, so that they are small integers to the engine. */
function u32(b: Uint8Array, p: number): number {
  return (
    (b[p] as number) |
    ((b[p + 1] as number) << 8) |
    ((b[p + 2] as number) << 16) |
    ((b[p + 3] as number) << 24)
  );
}

/** u32 length, u32 stream, u8 type, u8 flags, u16 method, u32 last; little endian. */
export function writeHeader(
  view: DataView,
  at: number,
  length: number,
  stream: number,
  kind: number,
  last: number,
): void {
  view.setInt32(at, length, true);
  view.setInt32(at + 4, stream, true);
  view.setInt32(at + 8, kind, true);
  view.setInt32(at + 12, last, true);
}

/** Type, flags and method in the one word that writeHeader takes. */
export function kindWord(type: number, flags: number, method: number): number {
  return type | (flags << 8) | (method << 16);
}

const MAX_TIME_LEFT = 0xffffffff;
/** Milliseconds left, as CALL carries them: at least 1, rounded up; 0 stands for no deadline. */
export function encodeTimeLeft(ms: number): number {
  if (ms === Number.POSITIVE_INFINITY) return 0;
  return ms >= MAX_TIME_LEFT ? MAX_TIME_LEFT : wholeMs(ms);
}
export function decodeTimeLeft(wire: number): number {
  return wire === 0 ? Number.POSITIVE_INFINITY : wire;
}
