import type { Metadata } from "../context.ts";

/** Keys as headers of any broker and program take them. */
const KEY = /^[a-z0-9_.-]{1,255}$/;
const MOST_BYTES = 16 * 1024;
const ID = /^[!-~]{1,128}$/;

/** Metadata with keys in lower case. Throws TypeError, naming the key, for what not every bus can carry. */
export function checkMetadata(given: Metadata): Metadata {
  const out: Record<string, string> = {};
  let size = 0;
  for (const [name, value] of Object.entries(given) as [string, unknown][]) {
    if (value === undefined) continue;
    const key = name.toLowerCase();
    const shown = JSON.stringify(name.slice(0, 40));
    if (!KEY.test(key))
      throw new TypeError(
        `metadata ${shown} cannot be a key: use up to 255 letters, digits, "_", "-" and dots`,
      );
    if (typeof value !== "string")
      throw new TypeError(
        `metadata ${shown} is ${value === null ? "null" : `a ${typeof value}`}: give a string`,
      );
    if (hasControls(value))
      throw new TypeError(
        `metadata ${shown} has a line break or another control character: put it into the payload`,
      );
    size += key.length + 3 * value.length;
    if (size > MOST_BYTES)
      throw new TypeError(
        `metadata is over ${MOST_BYTES} bytes at ${shown}: put what is large into the payload`,
      );
    out[key] = value;
  }
  return out;
}

/** Undefined, or what is wrong with an event's id. */
export function eventIdFault(id: unknown): string | undefined {
  return typeof id === "string" && ID.test(id)
    ? undefined
    : `the id ${typeof id === "string" ? JSON.stringify(id.slice(0, 80)) : typeof id} cannot be an event's: use 1 to 128 printable characters without spaces`;
}

function hasControls(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}
