import { redactUrl } from "../config/redact.ts";
import { isSecretName } from "./secrets.ts";

/** A field takes so much of a line, with all that is nested in it. */
const FIELD_BYTES = 1024;
/** Stack frames are ours, not a peer's. */
const STACK_BYTES = 4096;
/** Of a longer text no more is looked at. */
const MOST_LOOKED_AT = 4096;
const MOST_ENTRIES = 64;
const MOST_DEPTH = 5;
const MOST_NAME = 64;
const HIDDEN = "***";
/** Names that a line has of its own. */
const OWN = new Set(["level", "time", "pid", "hostname", "msg"]);

/** C0, DEL, C1, line and paragraph separators, and what turns the direction of text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is about
const CONTROL = /[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
const NAMED: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function escapeControl(text: string): string {
  return text.replace(CONTROL, (c) => NAMED[c] ?? `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function cut(text: string, bytes: number): string {
  if (text.length * 3 <= bytes) return text;
  const encoded = Buffer.from(text);
  if (encoded.length <= bytes) return text;
  return `${encoded
    .subarray(0, Math.max(0, bytes - 3))
    .toString()
    .replace(/\ufffd$/, "")}…`;
}

/** Text for one line of a log: no credentials, no control characters, at most `bytes`. */
export function sanitizeText(text: string, bytes: number = FIELD_BYTES): string {
  const looked = text.length > MOST_LOOKED_AT ? `${text.slice(0, MOST_LOOKED_AT)}…` : text;
  return cut(escapeControl(redactUrl(looked)), bytes);
}

/** Fields for one line of a log: each at most 1 KiB, secrets by their names hidden, nothing that breaks the line or the logger. */
export function sanitizeFields(fields: object): Record<string, unknown> {
  return new Walk().entries(fields, 0, true) as Record<string, unknown>;
}

class Walk {
  /** Bytes that the present field may still take. */
  #left = FIELD_BYTES;
  readonly #above: object[] = [];

  entries(source: object, depth: number, fields = false): object {
    const result: Record<string, unknown> = Object.create(null);
    let count = 0;
    for (const name of namesOf(source)) {
      if (count++ === MOST_ENTRIES) {
        result["…"] = "more";
        break;
      }
      if (fields) this.#left = FIELD_BYTES;
      else if (this.#left <= 0) break;
      const shown = this.#text(name, MOST_NAME);
      result[fields && OWN.has(shown) ? `${shown}_` : shown] = isSecretName(name)
        ? HIDDEN
        : this.#value(read(source, name), depth + 1);
    }
    return result;
  }

  #text(text: string, most: number = this.#left): string {
    const safe = sanitizeText(text, Math.min(most, Math.max(this.#left, 3)));
    this.#left -= Buffer.byteLength(safe);
    return safe;
  }

  #value(value: unknown, depth: number): unknown {
    if (typeof value === "string") return this.#text(value);
    if (typeof value === "number" || typeof value === "boolean") {
      this.#left -= 8;
      return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
    }
    if (value === null || value === undefined) return value;
    if (typeof value !== "object")
      return this.#text(typeof value === "bigint" ? `${value}n` : `[${typeof value}]`);
    if (depth > MOST_DEPTH || this.#above.includes(value)) return "[…]";
    this.#above.push(value);
    try {
      return this.#object(value, depth);
    } catch {
      return "[unreadable]";
    } finally {
      this.#above.pop();
    }
  }

  #object(value: object, depth: number): unknown {
    if (value instanceof Error) return this.#error(value, depth);
    if (value instanceof Date)
      return this.#text(Number.isNaN(value.getTime()) ? "invalid date" : value.toISOString());
    if (value instanceof URL) return this.#text(value.href);
    if (ArrayBuffer.isView(value)) return `[${value.constructor.name}, ${value.byteLength} bytes]`;
    if (value instanceof Map)
      return this.entries(Object.fromEntries([...value].slice(0, MOST_ENTRIES + 1)), depth);
    const list = Array.isArray(value) ? value : value instanceof Set ? [...value] : undefined;
    return list === undefined ? this.entries(value, depth) : this.#list(list, depth);
  }

  #list(list: readonly unknown[], depth: number): unknown[] {
    const items: unknown[] = [];
    for (const item of list) {
      if (items.length === MOST_ENTRIES || this.#left <= 0) {
        items.push(`… ${list.length - items.length} more`);
        break;
      }
      items.push(this.#value(item, depth + 1));
    }
    return items;
  }

  #error(error: Error, depth: number): object {
    const { name, message, stack, cause } = error;
    const more = this.entries(error, depth) as Record<string, unknown>;
    delete more.stack;
    delete more.message;
    delete more.name;
    delete more.cause;
    return Object.assign(more, {
      type: this.#text(String(name), MOST_NAME),
      message: sanitizeText(String(message)),
      stack: sanitizeStack(String(stack ?? "")),
      ...(cause !== undefined && { cause: this.#value(cause, depth + 1) }),
    });
  }
}

/** A stack keeps the line breaks before its frames; those in the message become text. */
function sanitizeStack(stack: string): string {
  const lines = stack.slice(0, STACK_BYTES * 2).split(/\n(?= {4}at )/);
  return cut(lines.map((line) => sanitizeText(line)).join("\n"), STACK_BYTES);
}

function namesOf(source: object): readonly string[] {
  try {
    return Object.keys(source);
  } catch {
    return [];
  }
}

function read(source: object, name: string): unknown {
  try {
    return (source as Record<string, unknown>)[name];
  } catch {
    return "[unreadable]";
  }
}
