import type { Instance } from "@skein/core";
import { instanceFrom } from "@skein/registry/backend";

/** Consul's limits: pairs, and bytes of a value. */
const MOST_PAIRS = 64;
const MOST_BYTES = 512;
/** What is written for people to read, and the namespace. */
const READABLE_PAIRS = 6;

/** Keys of the parts of a record: `skein-0`, `skein-1`, … */
const PART = "skein-";
export const NAMESPACE_KEY = "skein-namespace";
const COUNT_KEY = "skein-parts";

export type Meta = Readonly<Record<string, string>>;

/** What one of our services says of itself, in Meta. */
export interface MetaRecord {
  readonly instance: Instance;
  /** Of several records of an instance the one with the greatest is true. */
  readonly written: number;
}

/** As Meta pairs; undefined where Consul would not take so many. */
export function metaOf(record: MetaRecord): Meta | undefined {
  const parts = split(JSON.stringify(record));
  if (parts.length > MOST_PAIRS - READABLE_PAIRS) return undefined;
  const { version, zone, weight, status } = record.instance;
  const readable = { version, zone, weight: String(weight), status };
  const meta: Record<string, string> = { [COUNT_KEY]: String(parts.length) };
  for (const [key, value] of Object.entries(readable))
    if (value !== undefined && Buffer.byteLength(value) <= MOST_BYTES) meta[key] = value;
  for (const [n, part] of parts.entries()) meta[PART + n] = part;
  return meta;
}

/** Whether it is one of ours, sound or not. */
export function isOurs(meta: Meta): boolean {
  return meta[COUNT_KEY] !== undefined;
}

/** Undefined for what is none. */
export function recordOf(meta: Meta): MetaRecord | undefined {
  const count = Number(meta[COUNT_KEY]);
  if (!Number.isInteger(count) || count < 1 || count > MOST_PAIRS) return undefined;
  const parts = Array.from({ length: count }, (_, n) => meta[PART + n]);
  if (parts.includes(undefined)) return undefined;
  try {
    const { instance, written } = JSON.parse(parts.join("")) as { instance: unknown; written: unknown };
    const sound = instanceFrom(instance);
    return sound === undefined || typeof written !== "number" ? undefined : { instance: sound, written };
  } catch {
    return undefined;
  }
}

/** Into parts of MOST_BYTES at the most, none of which ends within a character. */
function split(text: string): readonly string[] {
  const bytes = Buffer.from(text);
  const parts: string[] = [];
  for (let from = 0; from < bytes.length; ) {
    let to = Math.min(from + MOST_BYTES, bytes.length);
    while (to < bytes.length && ((bytes[to] as number) & 0xc0) === 0x80) to--;
    parts.push(bytes.toString("utf8", from, to));
    from = to;
  }
  return parts;
}
