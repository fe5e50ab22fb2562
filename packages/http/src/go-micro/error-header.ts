import type { GoMicroError } from "@skein/core/internal";

/** The header that says that a call failed, and how. */
export const ERROR_HEADER = "micro-error";

/** An error as a header's value: all of it ASCII, what is not as in JSON (`\u00f8`). */
export function writeErrorHeader(error: GoMicroError | string): string {
  const text = typeof error === "string" ? escapeControls(error) : JSON.stringify(error);
  return text.replace(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** As JSON does it, within a text that is none. */
function escapeControls(text: string): string {
  return text.replace(/[\r\n\t]/g, (char) => ({ "\r": "\\r", "\n": "\\n", "\t": "\\t" })[char] as string);
}

/** Of node:http's, which has UTF-8 bytes as latin1. Undefined where the call went well. */
export function readErrorHeader(value: string | readonly string[] | undefined): string | undefined {
  if (value === undefined || value.length === 0) return undefined;
  return Buffer.from(typeof value === "string" ? value : value.join(", "), "latin1").toString("utf8");
}
