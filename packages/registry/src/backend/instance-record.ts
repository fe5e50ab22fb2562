import type { Instance, InstanceAddress } from "@skein/core";
import { instanceFault, sameInstance } from "@skein/core/internal";

const MOST_TEXT = 1024;

const text = (v: unknown): v is string => typeof v === "string" && v.length > 0 && v.length <= MOST_TEXT;
const object = (v: unknown): v is Record<string, unknown> =>
  typeof v === "object" && v !== null && !Array.isArray(v);

/**
 * An instance from a record that anybody may have written: its known fields only. Undefined for what is none.
 * @param known what this one was before, perhaps: given back where the record says the same, which is quickly seen
 */
export function instanceFrom(value: unknown, known?: Instance): Instance | undefined {
  if (!object(value)) return undefined;
  if (known !== undefined && says(value, known)) return known;
  const { service, version, id, addresses, zone, weight, status, startedAt, metadata } = value;
  const sound =
    text(service) &&
    text(version) &&
    text(id) &&
    Array.isArray(addresses) &&
    addresses.every(isAddress) &&
    typeof weight === "number" &&
    (zone === undefined || text(zone)) &&
    typeof startedAt === "string" &&
    startedAt.length <= MOST_TEXT &&
    (status === "serving" || status === "not-ready" || status === "draining") &&
    isMetadata(metadata);
  if (!sound) return undefined;
  const instance: Instance = {
    service,
    version,
    id,
    addresses: addresses.map(({ protocol, url }) => ({ protocol, url })),
    ...(zone === undefined ? {} : { zone }),
    weight,
    status,
    startedAt,
    metadata: { ...metadata },
  };
  return instanceFault(instance) === undefined ? instance : undefined;
}

function says(record: Record<string, unknown>, known: Instance): boolean {
  const comparable = Array.isArray(record.addresses) && object(record.metadata);
  return comparable && sameInstance(known, record as unknown as Instance);
}

/** As instanceFrom, of a JSON text. */
export function parseInstance(json: string): Instance | undefined {
  try {
    return instanceFrom(JSON.parse(json));
  } catch {
    return undefined;
  }
}

function isAddress(v: unknown): v is InstanceAddress {
  return object(v) && text(v.protocol) && text(v.url);
}

/** `__proto__` is no key that anybody means well with. */
export function isMetadata(v: unknown): v is Readonly<Record<string, string>> {
  return object(v) && Object.entries(v).every(([key, m]) => key !== "__proto__" && typeof m === "string");
}
