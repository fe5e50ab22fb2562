import type { Instance } from "@skein/core";
import { instanceFrom, isObject } from "@skein/registry/backend";
import { isDuration, isLease, MOST_TTL_MS } from "../registry-message.ts";

/** The value of a key: an instance, whose it is, and for how long each put of it holds. */
export interface KvRecord {
  readonly lease: string;
  readonly ttlMs: number;
  readonly instance: Instance;
}

export function encodeRecord({ lease, ttlMs, instance }: KvRecord): Uint8Array {
  return utf8.encode(JSON.stringify({ lease, ttlMs, instance }));
}

/**
 * Of bytes that anybody may have put; undefined for what is none.
 * @param known what its instance was before, perhaps
 */
export function decodeRecord(bytes: Uint8Array, known?: Instance): KvRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(strictUtf8.decode(bytes));
  } catch {
    return undefined;
  }
  if (!isObject(value) || !isLease(value.lease) || !isDuration(value.ttlMs)) return undefined;
  const instance = instanceFrom(value.instance, known);
  return instance && { lease: value.lease, ttlMs: Math.min(value.ttlMs, MOST_TTL_MS), instance };
}

const utf8 = new TextEncoder();
const strictUtf8 = new TextDecoder("utf-8", { fatal: true });
