import { suggestion } from "@skein/core/internal";
import type { Fields } from "./body.ts";
import { badInput } from "./refusal.ts";

const MOST_TEXT = 1024;
export const DEFAULT_TTL_MS = 30_000;
const LEAST_TTL_MS = 500;
const MOST_TTL_MS = 24 * 3_600_000;
const NAMESPACE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const UNITS: Readonly<Record<string, number>> = { ms: 1, "": 1000, s: 1000, m: 60_000, h: 3_600_000 };

const quoted = (value: unknown): string => JSON.stringify(value)?.slice(0, 80) ?? "undefined";

/** Throws where there is one that nobody looks at: it may be a slip of the pen. @param known names, `meta.` for all that begin so */
export function onlyKnown(fields: Iterable<string>, known: readonly string[]): void {
  for (const name of fields) {
    const fine = known.some((k) =>
      k.endsWith(".") ? name.startsWith(k) && name.length > k.length : name === k,
    );
    if (fine) continue;
    const hint = suggestion(name.slice(0, 80), known);
    throw badInput(`the field ${quoted(name)} is unknown${hint}; known: ${known.join(", ")}`);
  }
}

/** A text, or a number as one; undefined where there is none. */
export function textField(fields: Fields, name: string): string | undefined {
  const value = fields.get(name);
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value === "number" && Number.isFinite(value)) return String(value);
  if (typeof value !== "string") throw badInput(`${name} is no text: ${quoted(value)}`);
  if (value.length > MOST_TEXT) throw badInput(`${name} is longer than ${MOST_TEXT} characters`);
  return value;
}

export function numberField(fields: Fields, name: string, fallback: number): number {
  const text = textField(fields, name);
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isFinite(value)) throw badInput(`${name}=${quoted(text)} is no number`);
  return value;
}

/** `500ms`, `55s`, `1m`, or seconds without a unit. */
export function durationMs(name: string, text: string): number {
  const [, amount, unit = ""] = /^(\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h|)$/.exec(text) ?? [];
  if (amount === undefined)
    throw badInput(`${name}=${quoted(text)} is no duration: give one such as 500ms, 30s or 1m`);
  return Number(amount) * (UNITS[unit] as number);
}

/** `ttl` as a duration, or `ttlMs` as a number. */
export function ttlField(fields: Fields, fallback: number): number {
  const ttl = textField(fields, "ttl");
  const ms = ttl === undefined ? numberField(fields, "ttlMs", fallback) : durationMs("ttl", ttl);
  if (ms < LEAST_TTL_MS || ms > MOST_TTL_MS)
    throw badInput(`a TTL of ${ms} ms is not from ${LEAST_TTL_MS} ms to 24 hours`);
  return ms;
}

/** @default "default" */
export function namespaceOf(text: string | null | undefined): string {
  if (text === undefined || text === null || text === "") return "default";
  if (!NAMESPACE.test(text))
    throw badInput(
      `the namespace ${quoted(text)} is none: use up to 63 letters, digits, dots, dashes or underscores, a letter or digit first`,
    );
  return text;
}
