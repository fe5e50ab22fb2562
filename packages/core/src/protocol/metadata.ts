import type { Metadata } from "../context.ts";
import { type Frame, META, ProtocolError, TRACE } from "./frame.ts";

/**
 * Metadata in front of a payload. TRACE: a W3C traceparent in binary (version, trace id, parent id, flags: 26 bytes) padded to 32.
 * META: u16 length of the entries, then u8 key length, key, u16 value length, value (UTF-8) each; padded to a multiple of 8.
 */
export const TRACE_BYTES = 32;
/** Longest map, bytes; more is refused with INVALID_ARGUMENT. */
export const MAX_METADATA_BYTES = 16 * 1024;
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const align8 = (n: number): number => (n + 7) & ~7;

/** What is to be written in front of a payload, measured. */
export interface EncodedMetadata {
  readonly flags: number;
  readonly bytes: Uint8Array;
}

/** Throws TypeError, naming the key, for what cannot be sent. Undefined when there is nothing to send. */
export function encodeMetadata(metadata: Metadata): EncodedMetadata | undefined {
  const trace = metadata.traceparent;
  const binary = trace !== undefined && TRACEPARENT.test(trace);
  const entries: Uint8Array[] = [];
  let size = 0;
  for (const key of Object.keys(metadata)) {
    if (key === "traceparent" && binary) continue;
    const value: unknown = metadata[key];
    if (value === undefined) continue;
    if (typeof value !== "string")
      throw new TypeError(
        `metadata "${key}" is ${value === null ? "null" : `a ${typeof value}`}: give a string`,
      );
    const k = encoder.encode(key.toLowerCase());
    const v = encoder.encode(value);
    if (k.length === 0 || k.length > 255)
      throw new TypeError(`metadata key "${key.slice(0, 40)}" must have 1 to 255 bytes`);
    size += 3 + k.length + v.length;
    if (size > MAX_METADATA_BYTES)
      throw new TypeError(
        `metadata is over ${MAX_METADATA_BYTES} bytes at "${key}": send large values as input`,
      );
    entries.push(k, v);
  }
  if (!binary && entries.length === 0) return undefined;
  const front = binary ? TRACE_BYTES : 0;
  const bytes = new Uint8Array(front + (entries.length === 0 ? 0 : align8(2 + size)));
  if (binary) writeTrace(bytes, trace);
  if (entries.length > 0) writeEntries(bytes, front, size, entries);
  return { flags: (binary ? TRACE : 0) | (entries.length > 0 ? META : 0), bytes };
}

function writeTrace(bytes: Uint8Array, trace: string): void {
  const hex = trace.replaceAll("-", "");
  for (let i = 0; i < 26; i++) bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
}

function writeEntries(bytes: Uint8Array, start: number, size: number, entries: readonly Uint8Array[]): void {
  let p = start;
  bytes[p++] = size & 0xff;
  bytes[p++] = size >> 8;
  for (let i = 0; i < entries.length; i += 2) {
    const key = entries[i] as Uint8Array;
    const value = entries[i + 1] as Uint8Array;
    bytes[p++] = key.length;
    bytes.set(key, p);
    p += key.length;
    bytes[p++] = value.length & 0xff;
    bytes[p++] = value.length >> 8;
    bytes.set(value, p);
    p += value.length;
  }
}

/** Where the payload of a frame begins: behind its metadata. Throws ProtocolError when that lies outside of the frame. */
export function payloadStart(frame: Frame): number {
  if ((frame.flags & (TRACE | META)) === 0) return frame.start;
  let p = frame.start;
  if ((frame.flags & TRACE) !== 0) p += TRACE_BYTES;
  if ((frame.flags & META) !== 0) {
    if (p + 2 > frame.end) throw new ProtocolError("metadata is cut short");
    p += align8(2 + ((frame.bytes[p] as number) | ((frame.bytes[p + 1] as number) << 8)));
  }
  if (p > frame.end) throw new ProtocolError("metadata is cut short");
  return p;
}

/** Reads what encodeMetadata wrote; an object without a prototype. Throws ProtocolError when an entry overruns. */
export function decodeMetadata(bytes: Uint8Array, flags: number): Metadata {
  const out: Record<string, string> = Object.create(null) as Record<string, string>;
  let p = 0;
  if ((flags & TRACE) !== 0) {
    out.traceparent = readTrace(bytes);
    p = TRACE_BYTES;
  }
  if ((flags & META) === 0) return out;
  const end = p + 2 + ((bytes[p] as number) | ((bytes[p + 1] as number) << 8));
  p += 2;
  while (p < end) {
    const keyEnd = p + 1 + (bytes[p] as number);
    if (keyEnd + 2 > end) throw new ProtocolError("metadata entry overruns its map");
    const valueEnd = keyEnd + 2 + ((bytes[keyEnd] as number) | ((bytes[keyEnd + 1] as number) << 8));
    if (valueEnd > end) throw new ProtocolError("metadata entry overruns its map");
    const key = decoder.decode(bytes.subarray(p + 1, keyEnd));
    out[key] = decoder.decode(bytes.subarray(keyEnd + 2, valueEnd));
    p = valueEnd;
  }
  return out;
}

/** The trace context alone, without reading the rest. */
export function readTrace(bytes: Uint8Array): string {
  let hex = "";
  for (let i = 0; i < 26; i++) hex += (bytes[i] as number).toString(16).padStart(2, "0");
  return `${hex.slice(0, 2)}-${hex.slice(2, 34)}-${hex.slice(34, 50)}-${hex.slice(50, 52)}`;
}
