import type { Instance } from "@skein/core";
import { instanceFrom, isObject, jsonObject } from "@skein/registry/backend";

/** A record, and when it was written: of two with one id the later counts. */
export interface Written {
  readonly instance: Instance;
  readonly written: number;
}

export interface Gone {
  readonly service: string;
  readonly id: string;
  readonly written: number;
}

/** What a lease says: who is there for so long, and who is gone. */
export interface Saying {
  readonly lease: string;
  readonly ttlMs: number;
  /** Until the lease ends unless it is renewed. */
  readonly leftMs: number;
  readonly there: readonly Written[];
  readonly gone: readonly Gone[];
}

export interface Heard extends Saying {
  /** Parts that are none, by a text that tells them apart, with what is wrong. */
  readonly skipped: ReadonlyMap<string, string>;
}

/** A message of several records holds so much at the most: few servers' max_payload is less. */
export const MOST_MESSAGE_BYTES = 64 * 1024;
/** Of a message around a record, at the most. */
const ENVELOPE_BYTES = 512;
const MOST_RECORDS = 1000;
export const MOST_TTL_MS = 24 * 3_600_000;
const LEASE = /^[A-Za-z0-9_-]{1,128}$/;
const SHOWN = 100;

const utf8 = new TextEncoder();
const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

/** As many messages as it takes: none is longer than `mostBytes`, except for a single record that is. */
export function encodeSaying(saying: Saying, mostBytes = MOST_MESSAGE_BYTES): Uint8Array[] {
  const { lease, ttlMs, leftMs } = saying;
  const head = JSON.stringify({ lease, ttlMs, leftMs }).slice(0, -1);
  const messages: Uint8Array[] = [];
  const pack = (name: string, records: readonly unknown[]): void => {
    // The last record has no comma.
    const emptyBytes = Buffer.byteLength(`${head},"${name}":[]}`) - 1;
    let parts: string[] = [];
    let bytes = emptyBytes;
    const end = (): void => {
      if (parts.length > 0) messages.push(utf8.encode(`${head},"${name}":[${parts.join(",")}]}`));
      parts = [];
      bytes = emptyBytes;
    };
    for (const record of records) {
      const json = JSON.stringify(record);
      const size = Buffer.byteLength(json) + 1;
      if (bytes + size > mostBytes || parts.length >= MOST_RECORDS) end();
      parts.push(json);
      bytes += size;
    }
    end();
  };
  pack("there", saying.there);
  pack("gone", saying.gone);
  return messages;
}

/** Of a message with this record alone, at the most. */
export const messageBytes = (instance: Instance): number =>
  Buffer.byteLength(JSON.stringify(instance)) + ENVELOPE_BYTES;

/**
 * Of bytes that anybody may have sent; never throws.
 * @param service records of others are skipped; undefined: all services
 */
export function decodeSaying(
  bytes: Uint8Array,
  service: string | undefined,
  known: (service: string, id: string) => Instance | undefined = () => undefined,
): Heard {
  const skipped = new Map<string, string>();
  const skip = (what: unknown, why: string): void => void skipped.set(shown(what), why);
  const nothing = { lease: "", ttlMs: 0, leftMs: 0, there: [], gone: [], skipped };
  const text = textOf(bytes);
  const value = text === undefined ? undefined : jsonObject(text);
  if (value === undefined) {
    skip(text ?? Buffer.from(bytes.subarray(0, SHOWN)).toString("latin1"), "no JSON object");
    return nothing;
  }
  const { lease, ttlMs, leftMs, there = [], gone = [] } = value;
  const sound =
    isLease(lease) &&
    isDuration(ttlMs) &&
    isDuration(leftMs) &&
    Array.isArray(there) &&
    Array.isArray(gone) &&
    there.length + gone.length <= MOST_RECORDS;
  if (!sound) {
    skip(text, "no saying of a lease");
    return nothing;
  }
  const ours = (of: string): boolean => service === undefined || service === of;
  const read = (record: unknown): Written | undefined => {
    const { instance, written } = isObject(record) ? record : {};
    const before = isObject(instance) ? known(String(instance.service), String(instance.id)) : undefined;
    const read = isStamp(written) ? instanceFrom(instance, before) : undefined;
    if (read !== undefined && ours(read.service)) return { instance: read, written: written as number };
    skip(record, "no record of an instance");
    return undefined;
  };
  const readGone = (record: unknown): Gone | undefined => {
    const { service: of, id, written } = isObject(record) ? record : {};
    if (typeof of === "string" && typeof id === "string" && isStamp(written) && ours(of))
      return { service: of, id, written };
    skip(record, "no goodbye");
    return undefined;
  };
  return {
    lease,
    ttlMs,
    leftMs: Math.min(leftMs, ttlMs),
    there: there.map(read).filter((one) => one !== undefined),
    gone: gone.map(readGone).filter((one) => one !== undefined),
    skipped,
  };
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return undefined;
  }
}

export const isLease = (v: unknown): v is string => typeof v === "string" && LEASE.test(v);
export const isDuration = (v: unknown): v is number => typeof v === "number" && v >= 0 && v <= MOST_TTL_MS;
const isStamp = (v: unknown): v is number => Number.isSafeInteger(v) && (v as number) >= 0;
const shown = (v: unknown): string => (typeof v === "string" ? v : JSON.stringify(v)).slice(0, SHOWN);
