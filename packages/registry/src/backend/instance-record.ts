import type { Instance, InstanceAddress } from "@skein/core";
import { instanceFault } from "@skein/core/internal";

const MOST_TEXT = 1024;

const text = (v: unknown): v is string => typeof v === "string" && v.length > 0 && v.length <= MOST_TEXT;
const object = (v: unknown): v is Record<string, unknown> =>
  typeof v === "object" && v !== null && !Array.isArray(v);

/** An instance from a record that anybody may have written: its known fields only. Undefined for what is none. */
export function instanceFrom(value: unknown): Instance | undefined {
  if (!object(value)) return undefined;
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
