import {
  CodecError,
  type CodecFactory,
  DEFAULT_DECODE_LIMITS,
  type DecodeLimits,
  type Writer,
} from "@skein/core";
import { hasProtoKey, jsonExcess } from "@skein/core/internal";
import { findFault } from "./faults.ts";

type WritableBytes = Uint8Array & { utf8Write?(text: string, at: number): number };
const encoder = new TextEncoder();

function encodeInto(value: unknown, w: Writer): Uint8Array | undefined {
  const text = stringify(value);
  const bytes = w.bytes as WritableBytes;
  // A character takes three bytes at most.
  if (text.length * 3 > bytes.length - w.position) return encoder.encode(text);
  w.position +=
    bytes.utf8Write === undefined
      ? encoder.encodeInto(text, bytes.subarray(w.position)).written
      : bytes.utf8Write(text, w.position);
  return undefined;
}

function stringify(value: unknown): string {
  let cause: unknown;
  try {
    if (carried(value, 0)) {
      const text = JSON.stringify(value) as string | undefined;
      if (text !== undefined) return text;
    }
  } catch (error) {
    cause = error;
  }
  throw explain(value, cause);
}

function explain(value: unknown, cause: unknown): CodecError {
  let fault: string | undefined;
  try {
    fault = findFault(value, refusal);
  } catch {
    // A getter or toJSON that throws has thrown already: that is the cause.
  }
  const reason = cause instanceof Error ? cause.message : String(cause ?? "the value has no form in JSON");
  return new CodecError(`json: ${fault ?? reason}`, { cause });
}

/** Deeper than any peer decodes: JSON.stringify says what is wrong with it. */
const MOST_LEVELS = 1000;

/** Nothing in it that JSON would silently turn into something else. */
function carried(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return refusal(value) === undefined;
  if (depth > MOST_LEVELS) return true;
  if (Array.isArray(value)) {
    for (const item of value) if (!carried(item, depth + 1)) return false;
    return true;
  }
  if (typeof (value as { toJSON?: unknown }).toJSON === "function" && !ArrayBuffer.isView(value)) return true;
  if (refusal(value) !== undefined) return false;
  for (const key in value) if (!carried((value as Record<string, unknown>)[key], depth + 1)) return false;
  return true;
}

function refusal(value: unknown): string | undefined {
  switch (typeof value) {
    case "bigint":
      return "a bigint: JSON has none";
    case "number":
      return Number.isFinite(value) ? undefined : `${value}: JSON has no form for it`;
    case "object":
      break;
    default:
      return typeof value === "function" || typeof value === "symbol" ? `a ${typeof value}` : undefined;
  }
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer)
    return "bytes: JSON has none, use MessagePack or a string in base64";
  if (value instanceof Map || value instanceof Set || value instanceof Error || value instanceof RegExp)
    return `a ${value.constructor.name}: JSON has no form for it`;
  return undefined;
}

function decode(bytes: Uint8Array, start: number, end: number, limits: DecodeLimits): unknown {
  const excess = jsonExcess(bytes, start, end, limits);
  if (excess !== undefined) throw new CodecError(`json: ${excess}`);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("utf8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CodecError(`json: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  if (hasProtoKey(text, value)) throw new CodecError('json: the key "__proto__" is refused');
  return value;
}

/**
 * JSON, for peers without MessagePack and for captures that people read. Dates arrive as strings, undefined as null in arrays and
 * not at all elsewhere, -0 as 0. What else JSON would silently turn into something different (bytes, NaN, Maps, …) is refused with a
 * CodecError that names the member, and so are bigints. Decoding refuses the key `__proto__`.
 */
export const json: CodecFactory = {
  contentType: "application/json",
  create(limits = DEFAULT_DECODE_LIMITS) {
    return {
      contentType: "application/json",
      encodeInto,
      decode: (bytes, start, end) => decode(bytes, start, end, limits),
    };
  },
};
