import { DEFAULT_DECODE_LIMITS, type DecodeLimits } from "@skein/core";
import { findJsonFault } from "@skein/core/internal";
import { HttpRefusal } from "./refusal.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
/** `__proto__` written out, or one of its letters escaped: only then does every key have to be looked at. */
const PERHAPS_PROTO = /__proto__|\\u00(?:5[fF]|6[fF]|7[024])/;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * The value in `bytes`, with the limits of our own JSON codec: depth, number of values, and no key `__proto__`.
 * @param line of the first byte, from 1: for the messages
 * @throws HttpRefusal 400 that says where the fault is
 */
export function readJson(bytes: Uint8Array, line = 1, limits: DecodeLimits = DEFAULT_DECODE_LIMITS): unknown {
  bound(bytes, limits);
  const text = decode(bytes);
  try {
    return PERHAPS_PROTO.test(text) ? JSON.parse(text, refuseProto) : JSON.parse(text);
  } catch (error) {
    if (error instanceof HttpRefusal) throw error;
    throw invalid(text, line);
  }
}

/** Counted on the bytes, before anything is made of them. */
function bound(bytes: Uint8Array, { maxDepth, maxValues }: DecodeLimits): void {
  let depth = 0;
  let values = 1;
  for (let p = 0; p < bytes.length; p++) {
    const c = bytes[p] as number;
    if (c === QUOTE) {
      for (p++; p < bytes.length && bytes[p] !== QUOTE; p++) if (bytes[p] === BACKSLASH) p++;
    } else if (c === 0x5b || c === 0x7b) {
      values++;
      if (++depth > maxDepth) throw refuse(`the JSON is nested deeper than ${maxDepth}`);
    } else if (c === 0x5d || c === 0x7d) depth--;
    else if (c === COMMA) values++;
    if (values > maxValues) throw refuse(`the JSON has more than ${maxValues} values`);
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw refuse("the body is not UTF-8");
  }
}

function refuseProto(key: string, value: unknown): unknown {
  if (key === "__proto__") throw refuse('the key "__proto__" is refused');
  return value;
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
