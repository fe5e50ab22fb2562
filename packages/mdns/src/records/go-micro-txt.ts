import { deflateSync, inflateSync } from "node:zlib";
import { MOST_STRING_BYTES } from "../wire.ts";

const MOST_JSON_BYTES = 256 * 1024;

export type Json = Readonly<Record<string, unknown>>;

/** hex(zlib(JSON)) in strings of up to 255 characters. */
export function writeGoMicroTxt(value: Json): readonly Uint8Array[] {
  const hex = deflateSync(goJson(value)).toString("hex");
  const strings: Uint8Array[] = [];
  for (let at = 0; at < hex.length; at += MOST_STRING_BYTES)
    strings.push(Buffer.from(hex.slice(at, at + MOST_STRING_BYTES)));
  return strings;
}

/** Undefined for what is none, or more than anybody writes. */
export function readGoMicroTxt(strings: readonly Uint8Array[]): Json | undefined {
  const hex = Buffer.concat(strings).toString("latin1");
  if (hex === "" || hex.length % 2 === 1 || !/^[0-9a-fA-F]+$/.test(hex)) return undefined;
  try {
    const json = inflateSync(Buffer.from(hex, "hex"), { maxOutputLength: MOST_JSON_BYTES });
    const value: unknown = JSON.parse(json.toString("utf8"));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Those of an object's values that are texts. `__proto__` is no key that anybody means well with. */
export function textsOf(value: unknown): Readonly<Record<string, string>> {
  if (!isObject(value)) return {};
  const texts = Object.entries(value).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string" && entry[0] !== "__proto__",
  );
  return Object.fromEntries(texts);
}

/** As Go writes maps: keys in order. */
export function sorted(texts: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** As Go's encoding/json writes: `<`, `>`, `&`, U+2028 and U+2029 are escaped. */
function goJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[<>&\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
