import type { IncomingHttpHeaders } from "node:http";
import { type Metadata, RpcError } from "@skein/core";

/** Of the protocol, of HTTP/1.1, or of one connection: none of it is a call's metadata, and none may be sent as such. */
const NOT_METADATA = new Set([
  "accept",
  "accept-encoding",
  "authorization",
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "cookie",
  "expect",
  "host",
  "keep-alive",
  "micro-endpoint",
  "micro-error",
  "micro-id",
  "micro-method",
  "micro-service",
  "micro-stream",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "timeout",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "user-agent",
]);
const NS = 1e6;
/** Node's timers hold no more. */
const MOST_MS = 2 ** 31 - 1;
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

/** Every other header, names in small letters, values as the UTF-8 that they are. Undefined without any. */
export function metadataFrom(headers: IncomingHttpHeaders): Metadata | undefined {
  let metadata: Record<string, string> | undefined;
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || NOT_METADATA.has(name)) continue;
    const text = Array.isArray(value) ? value.join(", ") : value;
    metadata ??= {};
    metadata[name] = Buffer.from(text, "latin1").toString("utf8");
  }
  return metadata;
}

/**
 * The header `Timeout`, nanoseconds, in ms. Undefined without one.
 * @throws RpcError INVALID_ARGUMENT, or DEADLINE_EXCEEDED when no time is left
 */
export function timeoutFrom({ timeout }: IncomingHttpHeaders): number | undefined {
  if (timeout === undefined || timeout === "") return undefined;
  const text = String(timeout).trim();
  if (!/^-?\d{1,19}$/.test(text))
    throw new RpcError(
      "INVALID_ARGUMENT",
      `the header Timeout is ${JSON.stringify(text.slice(0, 40))}: give nanoseconds, as in 5000000000`,
      { executed: "no" },
    );
  const ms = Number(text) / NS;
  if (ms > 0) return Math.min(ms, MOST_MS);
  throw new RpcError("DEADLINE_EXCEEDED", "the deadline passed before the call came", { executed: "no" });
}

/** The header `Timeout` of a call with so much time left. Undefined without a deadline. */
export function timeoutHeader(ms: number): string | undefined {
  return Number.isFinite(ms) ? String(Math.max(1, Math.round(ms * NS))) : undefined;
}

/**
 * Metadata as headers: UTF-8 bytes in latin1, as node:http writes them. What is the protocol's own is left out.
 * @throws RpcError INVALID_ARGUMENT naming the key that cannot be a header
 */
export function metadataHeaders(metadata: Metadata | undefined): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [key, value] of Object.entries(metadata ?? {})) {
    const name = key.toLowerCase();
    if (NOT_METADATA.has(name)) continue;
    if (!TOKEN.test(name)) throw unfit(key, "its name has other characters than a header's may have");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
    if (/[\x00-\x08\x0a-\x1f\x7f]/.test(value)) throw unfit(key, "its value has control characters");
    headers[name] = Buffer.from(value, "utf8").toString("latin1");
  }
  return headers;
}

function unfit(key: string, why: string): RpcError {
  return new RpcError(
    "INVALID_ARGUMENT",
    `metadata ${JSON.stringify(key.slice(0, 80))} cannot be a header: ${why}`,
    { executed: "no" },
  );
}
