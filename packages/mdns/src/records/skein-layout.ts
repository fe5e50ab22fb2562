import type { Instance, InstanceAddress } from "@skein/core";
import { instanceFrom } from "@skein/registry/backend";
import type { DnsRecord } from "../wire.ts";
import { dotless, labelOf } from "./labels.ts";
import type { Announcement, Found, Layout, Read } from "./layout.ts";
import { addressRecords, placeOf, targetOf } from "./places.ts";
import { readFields, writeFields } from "./txt-fields.ts";

/** A record lives as long as its lease; longer than this, s, nobody should believe one. */
const MOST_TTL = 4500;
const TYPE = "_skein._tcp";
/** What browsers of DNS-SD ask to learn which types of services there are (RFC 6763, 9). */
const META = "_services._dns-sd._udp";

/**
 * DNS-SD: instances are `user~<id>._skein._tcp.local`, found by the subtype `user._sub._skein._tcp.local`. TXT holds the whole instance, and which lease
 * wrote it when; SRV and A are for others.
 */
export function skeinLayout(domain: string): Layout {
  const type = `${TYPE}.${domain}`;
  const instanceName = (service: string, id: string): string => `${labelOf(service, "~", id)}.${type}`;
  const subtype = (service: string): string => `${dotless(service)}._sub.${type}`;
  return {
    name: "skein",
    domain: type.toLowerCase(),
    serviceQuestion: (service) => ({ name: subtype(service), type: "PTR" }),
    listQuestion: { name: type, type: "PTR" },
    instanceName,
    records(announcement) {
      const { instance } = announcement;
      const name = instanceName(instance.service, instance.id);
      const pointers = [type, subtype(instance.service)].map(
        (from): DnsRecord => ({ type: "PTR", name: from, ttl: MOST_TTL, data: name }),
      );
      const txt: DnsRecord = {
        type: "TXT",
        name,
        ttl: MOST_TTL,
        flush: true,
        data: writeFields(fieldsOf(announcement)),
      };
      return [...pointers, ...placeRecords(instance, name, domain), txt];
    },
    listing: () => [{ type: "PTR", name: `${META}.${domain}`, ttl: MOST_TTL, data: type }],
    listed: () => undefined,
    isInstance: (name) => !name.toLowerCase().endsWith(`._sub.${type}`.toLowerCase()),
    read: (found) => read(found, instanceName),
  };
}

function placeRecords(instance: Instance, name: string, domain: string): readonly DnsRecord[] {
  const place = placeOf(instance, "skein");
  if (place === undefined) return [];
  const data = { priority: 0, weight: 0, port: place.port, target: targetOf(place.host, domain) };
  return [
    { type: "SRV", name, ttl: MOST_TTL, flush: true, data },
    ...addressRecords(place.host, domain, MOST_TTL),
  ];
}

function* fieldsOf({ instance, lease, written }: Announcement): Iterable<readonly [string, string]> {
  const { service, id, version, status, weight, zone, startedAt, addresses, metadata } = instance;
  yield ["txtvers", "1"];
  yield ["service", service];
  yield ["id", id];
  yield ["version", version];
  yield ["status", status];
  yield ["weight", String(weight)];
  if (zone !== undefined) yield ["zone", zone];
  yield ["started", startedAt];
  yield ["lease", lease];
  yield ["written", String(written)];
  for (const [n, { protocol, url }] of addresses.entries())
    yield [`address${n}`, `${encodeURIComponent(protocol)} ${url}`];
  if (Object.keys(metadata).length > 0) yield ["metadata", JSON.stringify(metadata)];
}

function read({ name, txt }: Found, instanceName: (service: string, id: string) => string): Read {
  const fields = readFields(txt);
  if (fields === undefined) return { fault: "a part of TXT is missing" };
  const instance = instanceOf(fields);
  const lease = fields.get("lease") ?? "";
  const written = Number(fields.get("written"));
  if (instance === undefined || lease === "" || !Number.isSafeInteger(written))
    return { fault: "TXT is no instance" };
  if (instanceName(instance.service, instance.id).toLowerCase() !== name.toLowerCase())
    return { fault: "TXT is of another service or id than the name" };
  return { own: { instance, lease, written } };
}

function instanceOf(fields: ReadonlyMap<string, string>): Instance | undefined {
  const addresses: (InstanceAddress | undefined)[] = [];
  for (let n = 0; fields.has(`address${n}`); n++)
    addresses.push(addressOf(fields.get(`address${n}`) as string));
  const zone = fields.get("zone");
  const weight = fields.get("weight") ?? "";
  return instanceFrom({
    service: fields.get("service"),
    id: fields.get("id"),
    version: fields.get("version"),
    status: fields.get("status"),
    weight: weight === "" ? undefined : Number(weight),
    ...(zone === undefined ? {} : { zone }),
    startedAt: fields.get("started"),
    addresses,
    metadata: jsonOf(fields.get("metadata") ?? "{}"),
  });
}

function addressOf(text: string): InstanceAddress | undefined {
  const space = text.indexOf(" ");
  try {
    return { protocol: decodeURIComponent(text.slice(0, Math.max(0, space))), url: text.slice(space + 1) };
  } catch {
    return undefined;
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
