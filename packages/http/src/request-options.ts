import type { IncomingHttpHeaders } from "node:http";
import type { Metadata } from "@skein/core";
import { HttpRefusal } from "./refusal.ts";

const UNITS: Readonly<Record<string, number>> = { ms: 1, "": 1, s: 1000, m: 60_000 };
const MOST_MS = 24 * 60 * 60 * 1000;

/**
 * The header `timeout`: milliseconds (`1500`), or with a unit (`500ms`, `1.5s`, `2m`). Undefined without one.
 * @throws HttpRefusal 400
 */
export function timeoutOf(headers: IncomingHttpHeaders): number | undefined {
  const { timeout } = headers;
  if (timeout === undefined) return undefined;
  const text = String(timeout);
  const [, digits, unit = ""] = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text.trim()) ?? [];
  const ms = Number(digits) * (UNITS[unit] as number);
  if (ms > 0 && ms <= MOST_MS) return ms;
  throw new HttpRefusal(
    400,
    "INVALID_ARGUMENT",
    `the header timeout is ${JSON.stringify(text.slice(0, 40))}: give milliseconds, or a time such as 1.5s or 500ms, up to a day`,
  );
}

const ALWAYS = ["traceparent", "tracestate", "baggage"];

/** Whether a request header travels as metadata. */
export function isMetadata(name: string, more: readonly string[]): boolean {
  return name.startsWith("x-") || ALWAYS.includes(name) || more.includes(name);
}

/**
 * Trace context, `x-…`, and what the door was told to pass. Undefined without any.
 * @param more names in small letters
 */
export function metadataOf(headers: IncomingHttpHeaders, more: readonly string[]): Metadata | undefined {
  let metadata: Record<string, string> | undefined;
  for (const name of Object.keys(headers)) {
    if (!isMetadata(name, more)) continue;
    const value = headers[name];
    metadata ??= {};
    metadata[name] = Array.isArray(value) ? value.join(", ") : (value ?? "");
  }
  return metadata;
}
