import type { Instance } from "@skein/core";
import type { ProcessIdentity } from "./process-identity.ts";

/** What a file of the local registry holds. */
export interface LocalRecord {
  readonly instance: Instance;
  readonly ttlMs: number;
  readonly process: ProcessIdentity;
}

/** Nothing in a name leaves the directory: all but letters, digits, `-` and `_` is escaped, dots too. */
export function fileNameOf(service: string, id: string): string {
  return `${escaped(service)}@${escaped(id)}.json`;
}

function escaped(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[.~!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

const text = (v: unknown): v is string => typeof v === "string" && v.length > 0 && v.length <= 1024;
const object = (v: unknown): v is Record<string, unknown> =>
  typeof v === "object" && v !== null && !Array.isArray(v);

/** Undefined for what is no record of ours. */
export function parseRecord(json: string): LocalRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (!object(value) || !object(value.instance) || !object(value.process)) return undefined;
  const { instance, process: p, ttlMs } = value;
  const sound =
    text(instance.service) &&
    text(instance.version) &&
    text(instance.id) &&
    Array.isArray(instance.addresses) &&
    instance.addresses.every((a) => object(a) && text(a.protocol) && text(a.url)) &&
    typeof instance.weight === "number" &&
    (instance.status === "serving" || instance.status === "not-ready" || instance.status === "draining") &&
    object(instance.metadata) &&
    Object.values(instance.metadata).every((v) => typeof v === "string") &&
    typeof ttlMs === "number" &&
    Number.isSafeInteger(p.pid);
  return sound ? (value as unknown as LocalRecord) : undefined;
}
