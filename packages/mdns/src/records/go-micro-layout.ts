import type { Instance } from "@skein/core";
import { goMicroEndpoints, goMicroFault, serviceNameFault, versionFault } from "@skein/core/internal";
import { instanceFrom, isObject, type Json, sorted, textsOf } from "@skein/registry/backend";
import type { DnsRecord } from "../wire.ts";
import { readGoMicroTxt, writeGoMicroTxt } from "./go-micro-txt.ts";
import { labelOf } from "./labels.ts";
import type { Announcement, Found, Layout, Read } from "./layout.ts";
import { addressRecords, hostPort, type Place, placeOf, targetOf } from "./places.ts";

/** Our announcement, whole, in the metadata: Go Micro passes over it. */
const OURS = "skein";
const TTL = 120;
const PRIORITY = 10;
const WEIGHT = 1;
/** All of an instance has to go into one packet. */
const MOST_ENDPOINTS = 64;
/** A service of all services: `greeter._services.micro`, at no address. */
const LIST = "_services";
const LIST_PORT = 9999;

/**
 * Go Micro's, of its mDNS registry: `PTR greeter.micro. -> <node-id>.greeter.micro.`, SRV, A, and TXT = hex(zlib(JSON)). Its client needs
 * `Metadata.protocol`: without it, it falls back to another protocol.
 */
export function goMicroLayout(domain: string): Layout {
  const listName = `${LIST}.${domain}`;
  const instanceName = (service: string, id: string): string =>
    `${labelOf(service, "-", id)}.${service}.${domain}`;
  return {
    name: "go-micro",
    domain: domain.toLowerCase(),
    unfit: goMicroFault,
    serviceQuestion: (service) => ({ name: `${service}.${domain}`, type: "PTR" }),
    listQuestion: { name: listName, type: "PTR" },
    instanceName,
    records(announcement) {
      const { service, id } = announcement.instance;
      const place = placeOf(announcement.instance, isGrpc(announcement.instance) ? "grpc" : "http", "skein");
      if (place === undefined) return undefined;
      const txt = writeGoMicroTxt(jsonOf(announcement));
      return recordSet(`${service}.${domain}`, instanceName(service, id), place, domain, txt);
    },
    listing: (service) =>
      recordSet(listName, `${service}.${listName}`, { host: "0.0.0.0", port: LIST_PORT }, domain, [
        new Uint8Array(),
      ]),
    listed(name, target) {
      if (name.toLowerCase() !== listName.toLowerCase()) return undefined;
      const ends = [`.${listName}`, `.${domain}`].find((end) => target.toLowerCase().endsWith(end));
      return ends && target.slice(0, -ends.length);
    },
    isInstance: (name) => !name.toLowerCase().endsWith(`.${listName}`.toLowerCase()),
    read: (found) => read(found, domain),
  };
}

/** All that is said of one name, in Go Micro's order. */
function recordSet(
  from: string,
  name: string,
  { host, port }: Place,
  domain: string,
  txt: readonly Uint8Array[],
): readonly DnsRecord[] {
  const data = { priority: PRIORITY, weight: WEIGHT, port, target: targetOf(host, domain) };
  return [
    { type: "PTR", name: from, ttl: TTL, data: name },
    { type: "SRV", name, ttl: TTL, data },
    ...addressRecords(host, domain, TTL),
    { type: "TXT", name, ttl: TTL, data: txt },
  ];
}

const isGrpc = (i: Instance): boolean =>
  !i.addresses.some((a) => a.protocol === "http") && i.addresses.some((a) => a.protocol === "grpc");

function jsonOf(announcement: Announcement): Json {
  const { instance } = announcement;
  const server = isGrpc(instance)
    ? { protocol: "grpc", server: "grpc", transport: "grpc" }
    : { protocol: "mucp", server: "mucp", transport: "http" };
  const ours = { [OURS]: JSON.stringify(announcement) };
  return {
    Metadata: sorted({ ...instance.metadata, broker: "http", registry: "mdns", ...server, ...ours }),
    Service: instance.service,
    Version: instance.version,
    Endpoints: goMicroEndpoints(instance, MOST_ENDPOINTS),
  };
}

function read(found: Found, domain: string): Read {
  const json = readGoMicroTxt(found.txt);
  if (json === undefined) return { fault: "TXT is no service of Go Micro" };
  const service = json.Service;
  const version = json.Version === "" ? "0.0.0" : json.Version;
  const fault = serviceNameFault(service) ?? versionFault(version);
  if (fault !== undefined) return { fault };
  const end = `.${service}.${domain}`.toLowerCase();
  if (!found.name.toLowerCase().endsWith(end)) return { fault: "TXT is of another service than the name" };
  const metadata = textsOf(json.Metadata);
  const own = metadata[OURS] === undefined ? undefined : announcementOf(metadata[OURS]);
  if (own !== undefined && own.instance.service === service && own.instance.version === version)
    return { own };
  const { srv, address } = found;
  if (srv === undefined) return { lacks: "srv" };
  if (address === undefined) return { lacks: "address" };
  const at = hostPort({ host: address, port: srv.port });
  const protocol = metadata.protocol === "grpc" ? "grpc" : "go-micro";
  const instance = instanceFrom({
    service,
    version,
    id: found.name.slice(0, -end.length),
    addresses: [{ protocol, url: `${protocol === "grpc" ? "tcp" : "http"}://${at}` }],
    weight: 1,
    status: "serving",
    startedAt: new Date(0).toISOString(),
    metadata,
  });
  return instance === undefined ? { fault: "it cannot be an instance" } : { foreign: instance };
}

function announcementOf(text: string): Announcement | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (!isObject(value)) return undefined;
    const { lease, written } = value;
    const instance = instanceFrom(value.instance);
    const sound = typeof lease === "string" && lease !== "" && Number.isSafeInteger(written);
    return instance !== undefined && sound ? { instance, lease, written: written as number } : undefined;
  } catch {
    return undefined;
  }
}
