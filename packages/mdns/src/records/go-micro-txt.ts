import { deflateSync, inflateSync } from "node:zlib";
import { goJson, type Json, jsonObject } from "@skein/registry/backend";
import { MOST_STRING_BYTES } from "../wire.ts";

const MOST_JSON_BYTES = 256 * 1024;

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
    return jsonObject(json.toString("utf8"));
  } catch {
    return undefined;
  }
}
