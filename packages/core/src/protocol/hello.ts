import type { EndpointKind, Priority } from "../endpoint.ts";
import { ProtocolError } from "./frame.ts";

/** HELLO, AUTH and GOAWAY carry JSON (UTF-8): they come before, or apart from, the codec that HELLO agrees on. */

export interface ClientHello {
  readonly service: string;
  /** The instance expected; absent: whichever serves the service there. */
  readonly instance?: string | undefined;
  /** Content types, the preferred first. */
  readonly codecs: readonly string[];
  readonly credentials?: string | undefined;
  readonly maxMessageBytes: number;
  readonly streamWindowBytes: number;
}

export interface ServerHello {
  readonly service: string;
  readonly version: string;
  readonly instance: string;
  readonly codec: string;
  readonly maxMessageBytes: number;
  readonly maxCalls: number;
  readonly streamWindowBytes: number;
  readonly endpoints: readonly EndpointRow[];
}

export interface EndpointRow {
  readonly id: number;
  readonly name: string;
  readonly kind: EndpointKind;
  readonly idempotent: boolean;
  readonly timeoutMs?: number | undefined;
  readonly priority: Priority;
}

/** GOAWAY's reason; with the END flag the connection closes at once. */
export interface Goodbye {
  readonly code: string;
  readonly message: string;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

export function encodeJson(value: object): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}

function decodeObject(bytes: Uint8Array, what: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(bytes));
  } catch {
    throw new ProtocolError(`${what} is not JSON`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new ProtocolError(`${what} is not an object`);
  return value as Record<string, unknown>;
}

type Check = (value: unknown) => boolean;
const text: Check = (v) => typeof v === "string" && v.length > 0 && v.length <= 512;
const optional =
  (check: Check): Check =>
  (v) =>
    v === undefined || check(v);
const count: Check = (v) => Number.isSafeInteger(v) && (v as number) > 0;
const oneOf =
  (...allowed: string[]): Check =>
  (v) =>
    typeof v === "string" && allowed.includes(v);
const KIND = oneOf("unary", "server-stream", "client-stream", "bidi-stream");
const PRIORITY = oneOf("critical", "normal", "sheddable");

function check(object: Record<string, unknown>, what: string, fields: Record<string, Check>): void {
  for (const name of Object.keys(fields))
    if (!(fields[name] as Check)(object[name])) throw new ProtocolError(`${what}: bad field "${name}"`);
}

export function decodeClientHello(bytes: Uint8Array): ClientHello {
  const hello = decodeObject(bytes, "HELLO");
  check(hello, "HELLO", {
    service: text,
    instance: optional(text),
    codecs: (v) => Array.isArray(v) && v.length > 0 && v.length <= 16 && v.every(text),
    credentials: optional((v) => typeof v === "string" && v.length <= 16_384),
    maxMessageBytes: count,
    streamWindowBytes: count,
  });
  return hello as unknown as ClientHello;
}

export function decodeServerHello(bytes: Uint8Array): ServerHello {
  const hello = decodeObject(bytes, "HELLO");
  check(hello, "HELLO", {
    service: text,
    version: text,
    instance: text,
    codec: text,
    maxMessageBytes: count,
    maxCalls: count,
    streamWindowBytes: count,
    endpoints: (v) => Array.isArray(v) && v.length <= 65_536,
  });
  for (const row of hello.endpoints as unknown[]) {
    if (typeof row !== "object" || row === null) throw new ProtocolError('HELLO: bad field "endpoints"');
    check(row as Record<string, unknown>, "HELLO endpoint", {
      id: (v) => Number.isInteger(v) && (v as number) >= 0 && (v as number) <= 0xffff,
      name: text,
      kind: KIND,
      idempotent: (v) => typeof v === "boolean",
      timeoutMs: optional((v) => typeof v === "number" && v > 0),
      priority: PRIORITY,
    });
  }
  return hello as unknown as ServerHello;
}

export function decodeGoodbye(bytes: Uint8Array): Goodbye {
  const goodbye = decodeObject(bytes, "GOAWAY");
  check(goodbye, "GOAWAY", { code: text, message: (v) => typeof v === "string" && v.length <= 4096 });
  return goodbye as unknown as Goodbye;
}

/** The credentials that AUTH refreshes. */
export function decodeAuth(bytes: Uint8Array): string {
  const auth = decodeObject(bytes, "AUTH");
  check(auth, "AUTH", { credentials: (v) => typeof v === "string" && v.length <= 16_384 });
  return auth.credentials as string;
}
