import { type Metadata, RpcError } from "@skein/core";
import { authorizationOf, credentialsOf, wholeMs } from "@skein/core/internal";
import type { NatsMessageHeaders } from "../nats-port.ts";

/** Of the protocol, or of a call as such: none of it is metadata, and none may be sent as such. */
const NOT_METADATA = /^(?:nats-.*|authorization|timeout|content-type|__proto__)$/;
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;
const CONTROL = /\p{Cc}/u;
const UNITS: Readonly<Record<string, number>> = { ms: 1, "": 1, s: 1000, m: 60_000 };
const MOST_MS = 24 * 60 * 60 * 1000;

/** What a request says besides its input. */
export interface RequestHeaders {
  /** Undefined: it does not say. */
  readonly timeoutMs: number | undefined;
  readonly credentials: string | undefined;
  /** Every header that is not the protocol's, names in small letters. */
  readonly metadata: Metadata | undefined;
}

const NONE: RequestHeaders = { timeoutMs: undefined, credentials: undefined, metadata: undefined };

/** @throws RpcError INVALID_ARGUMENT for a `Timeout` that is none */
export function readHeaders(headers: NatsMessageHeaders | undefined): RequestHeaders {
  if (headers === undefined) return NONE;
  let metadata: Record<string, string> | undefined;
  for (const name of headers.names()) {
    const key = name.toLowerCase();
    if (NOT_METADATA.test(key) || !TOKEN.test(key)) continue;
    metadata ??= {};
    metadata[key] = headers.get(name);
  }
  return {
    timeoutMs: timeoutOf(headers.get("timeout")),
    credentials: credentialsOf({ authorization: headers.get("authorization") }),
    metadata,
  };
}

/** Milliseconds (`1500`), or with a unit (`500ms`, `1.5s`, `2m`), as behind the HTTP door. */
function timeoutOf(text: string): number | undefined {
  if (text === "") return undefined;
  const [, digits, unit = ""] = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text.trim()) ?? [];
  const ms = Number(digits) * (UNITS[unit] as number);
  if (ms > 0 && ms <= MOST_MS) return ms;
  throw new RpcError(
    "INVALID_ARGUMENT",
    `the header Timeout is ${JSON.stringify(text.slice(0, 40))}: give milliseconds, or a time such as 1.5s or 500ms, up to a day`,
    { executed: "no" },
  );
}

/**
 * Of a call of ours.
 * @param timeLeftMs Infinity: no deadline
 * @throws RpcError INVALID_ARGUMENT naming the metadata that cannot be a header
 */
export function writeHeaders(
  metadata: Metadata | undefined,
  credentials: string | undefined,
  timeLeftMs: number,
): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  if (Number.isFinite(timeLeftMs)) headers.set("Timeout", String(Math.min(MOST_MS, wholeMs(timeLeftMs))));
  if (credentials !== undefined) headers.set("Authorization", headerValue("credentials", credentials));
  for (const [key, value] of Object.entries(metadata ?? {})) {
    const name = key.toLowerCase();
    if (NOT_METADATA.test(name)) continue;
    if (!TOKEN.test(name)) throw unfit(key, "its name has other characters than a header's may have");
    if (CONTROL.test(value)) throw unfit(key, "its value has control characters");
    headers.set(name, value);
  }
  return headers;
}

function headerValue(what: string, credentials: string): string {
  if (!CONTROL.test(credentials)) return authorizationOf(credentials);
  throw new RpcError("INVALID_ARGUMENT", `the ${what} have control characters`, { executed: "no" });
}

function unfit(key: string, why: string): RpcError {
  return new RpcError(
    "INVALID_ARGUMENT",
    `metadata ${JSON.stringify(key.slice(0, 80))} cannot be a header: ${why}`,
    { executed: "no" },
  );
}

/** So many bytes they have on the wire, at most. */
export function headerBytes(headers: ReadonlyMap<string, string>): number {
  let bytes = 12;
  for (const [name, value] of headers) bytes += name.length + 4 + Buffer.byteLength(value);
  return bytes;
}
