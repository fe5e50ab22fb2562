import type { Instance, InstanceAddress } from "@skein/core";
import { instanceFault } from "@skein/core/internal";

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
  const { addresses, metadata } = record;
  const { addresses: knownAddresses, metadata: knownMetadata } = known;
  return (
    record.id === known.id &&
    record.service === known.service &&
    record.version === known.version &&
    record.zone === known.zone &&
    record.weight === known.weight &&
    record.status === known.status &&
    record.startedAt === known.startedAt &&
    Array.isArray(addresses) &&
    addresses.length === knownAddresses.length &&
    knownAddresses.every((at, n) => addresses[n]?.protocol === at.protocol && addresses[n]?.url === at.url) &&
    object(metadata) &&
    saysTexts(metadata, knownMetadata)
  );
}

function saysTexts(metadata: Record<string, unknown>, known: Instance["metadata"]): boolean {
  const keys = Object.keys(metadata);
  return keys.length === Object.keys(known).length && keys.every((key) => metadata[key] === known[key]);
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
