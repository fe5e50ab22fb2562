import { DEFAULT_DECODE_LIMITS, type DecodeLimits } from "@skein/core";
import { findJsonFault, hasProtoKey, jsonExcess } from "@skein/core/internal";
import { HttpRefusal } from "./refusal.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * The value in `bytes`, with the limits of our own JSON codec: depth, number of values, and no key `__proto__`.
 * @param line of the first byte, from 1: for the messages
 * @throws HttpRefusal 400 that says where the fault is
 */
export function readJson(bytes: Uint8Array, line = 1, limits: DecodeLimits = DEFAULT_DECODE_LIMITS): unknown {
  const excess = jsonExcess(bytes, 0, bytes.length, limits);
  if (excess !== undefined) throw refuse(`the JSON ${excess.startsWith("nested") ? "is" : "has"} ${excess}`);
  const text = decode(bytes);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid(text, line);
  }
  if (hasProtoKey(text, value)) throw refuse('the key "__proto__" is refused');
  return value;
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw refuse("the body is not UTF-8");
  }
}

function invalid(text: string, line: number): HttpRefusal {
  const { offset, expected } = findJsonFault(text) ?? { offset: 0, expected: "JSON" };
  const before = text.slice(0, offset).split("\n");
  const at = { line: line + before.length - 1, column: (before.at(-1) as string).length + 1, offset };
  return refuse(`the body is no JSON: ${expected} expected at line ${at.line}, column ${at.column}`, at);
}

function refuse(message: string, details?: object): HttpRefusal {
  return new HttpRefusal(400, "INVALID_ARGUMENT", message, { details });
}
