import { createHash } from "node:crypto";
import type { Instance } from "@skein/core";
import { instanceFrom } from "./backend/instance-record.ts";
import type { ProcessIdentity } from "./process-identity.ts";

/** What a file of the local registry holds. */
export interface LocalRecord {
  readonly instance: Instance;
  readonly ttlMs: number;
  readonly process: ProcessIdentity;
  /** Of the lease that wrote it. */
  readonly lease: string;
  /** Of several records of one instance the one that was written last counts; epoch ms, and never the same twice in a process. */
  readonly written: number;
}

/** A record is some hundred bytes and 8 KiB of metadata at the most. */
export const MOST_RECORD_BYTES = 64 * 1024;
const MOST_NAME = 200;

/**
 * One file for each instance and lease, so that nobody ever removes what another wrote. Nothing in a name leaves the directory: all but
 * letters, digits, `-` and `_` is escaped, dots too.
 */
export function fileNameOf(service: string, id: string, lease: string): string {
  const name = `${escaped(service)}@${escaped(id)}@${escaped(lease)}`;
  return `${name.length <= MOST_NAME ? name : createHash("sha256").update(name).digest("hex")}.json`;
}

/** What a name is as part of a file's name. */
export function escaped(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[.~!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

const text = (v: unknown): v is string => typeof v === "string" && v.length > 0 && v.length <= 1024;
const object = (v: unknown): v is Record<string, unknown> =>
  typeof v === "object" && v !== null && !Array.isArray(v);
const finite = (v: unknown): v is number => typeof v === "number" && Number.isFinite(v);
const strings = (v: Record<string, unknown>, ...keys: string[]): boolean =>
  keys.every((key) => typeof v[key] === "string");

/** Undefined for what is no record of ours. */
export function parseRecord(json: string): LocalRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (!object(value) || !object(value.instance) || !object(value.process)) return undefined;
  const { process: p, ttlMs, written } = value;
  const instance = instanceFrom(value.instance);
  const sound =
    finite(ttlMs) &&
    ttlMs > 0 &&
    finite(written) &&
    text(value.lease) &&
    Number.isSafeInteger(p.pid) &&
    (p.pid as number) > 0 &&
    strings(p, "boot", "namespace", "started");
  return sound && instance !== undefined ? { ...(value as unknown as LocalRecord), instance } : undefined;
}
