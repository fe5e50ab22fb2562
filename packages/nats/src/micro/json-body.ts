import { DEFAULT_DECODE_LIMITS } from "@skein/core";
import { hasProtoKey, jsonExcess } from "@skein/core/internal";

const encoder = new TextEncoder();
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** A value in a body. Nothing in it is undefined. Throws an Error that says what is wrong with it. */
export function readBody(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return undefined;
  const excess = jsonExcess(bytes, 0, bytes.length, DEFAULT_DECODE_LIMITS);
  if (excess !== undefined) throw new Error(`its JSON is too much: ${excess}`);
  let text: string;
  let value: unknown;
  try {
    text = utf8.decode(bytes);
    value = JSON.parse(text);
  } catch {
    throw new Error("it is no JSON in UTF-8");
  }
  if (hasProtoKey(text, value)) throw new Error('it has the key "__proto__"');
  return value;
}

/**
 * A value as a body: JSON; undefined is null. What JSON lacks is written as behind the HTTP door: bytes as base64, a bigint as its digits, a Map as an array
 * of pairs, a Set as an array. Throws an Error that says why for what cannot be written, such as a ring.
 */
export function writeBody(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value, convert) ?? "null");
}

/** `this` has the member as it was: a Buffer has a toJSON of its own. */
function convert(this: unknown, key: string, json: unknown): unknown {
  const value = (this as Record<string, unknown>)[key];
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return json;
  if (ArrayBuffer.isView(value))
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
  if (value instanceof Map || value instanceof Set) return [...value];
  return json;
}
