import { findJsonFault } from "skein/internal";
import { CliError, EXIT } from "./exit.ts";

/** @throws CliError (usage) that says where the fault is; `what` names the source: "the input", "line 3 of the input" */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const fault = findJsonFault(text);
    if (fault === undefined) throw error;
    throw new CliError(
      `${what} is not JSON: ${describeFault(text, fault.offset, fault.expected)}`,
      EXIT.usage,
    );
  }
}

const SHOWN_BEFORE = 30;
const SHOWN_AFTER = 20;

function describeFault(text: string, offset: number, expected: string): string {
  if (text.trim() === "") return "it is empty";
  const lineStart = text.lastIndexOf("\n", offset - 1) + 1;
  const lineNumber = text.slice(0, lineStart).split("\n").length;
  const found = text.indexOf("\n", offset);
  const line = text.slice(lineStart, found < 0 ? text.length : found);
  const column = offset - lineStart;
  const from = Math.max(0, column - SHOWN_BEFORE);
  const shown = line.slice(from, column + SHOWN_AFTER);
  const place = `${lineNumber > 1 ? `line ${lineNumber}, ` : ""}column ${column + 1}`;
  const hint =
    /^\s*[{[]\s*[\w']/.test(text) && !text.includes('"')
      ? "\n  (did the shell take the quotes? Wrap the JSON in '…')"
      : "";
  return `${expected} is expected at ${place}\n  ${shown}\n  ${" ".repeat(column - from)}^${hint}`;
}

/** JSON of anything a codec can decode: integers over 2^53 and bytes (base64) as strings, maps as objects, sets as arrays. */
export function toJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, replace, indent) ?? "null";
}

function replace(this: Readonly<Record<string, unknown>>, key: string, value: unknown): unknown {
  const raw = this[key];
  if (raw instanceof Uint8Array)
    return Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString("base64");
  if (typeof value === "bigint")
    return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Set) return [...value];
  if (value instanceof Error) return { name: value.name, message: value.message };
  return value;
}
