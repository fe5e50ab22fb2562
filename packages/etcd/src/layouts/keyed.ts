import type { Instance } from "@skein/core";
import { serviceNameFault, versionFault } from "@skein/core/internal";
import { instanceFrom, jsonObject, textsOf } from "@skein/registry/backend";
import { addressSegment, foreignInstance, urlOf } from "./addresses.ts";
import type { Layout, Read } from "./layout.ts";

const NO_VERSION = "0.0.0";

/** `<prefix>/<name>/<version>/<host:port>`, the instance as JSON: the default. */
export function skeinLayout(prefix: string): Layout {
  return {
    name: "skein",
    hasStatus: true,
    root: `${prefix}/`,
    prefixOf: (service) => `${prefix}/${service}/`,
    record: (i) => ({
      key: `${prefix}/${i.service}/${i.version}/${addressSegment(i)}`,
      value: JSON.stringify(i),
    }),
    read(key, value) {
      const parts = key.slice(prefix.length + 1).split("/");
      if (parts.length !== 3) return { fault: "the key is not <name>/<version>/<host:port>" };
      const [service, version, address] = parts as [string, string, string];
      return readKeyed(service, version, address, value);
    },
  };
}

/** What is written as a value where the key says all. */
export type PlainValue = "json" | "active" | "address";

/** `<prefix>/<name>/<host:port>`; the value is `active`, a bare address, or JSON. */
export function plainLayout(prefix: string, written: PlainValue): Layout {
  return {
    name: "plain",
    hasStatus: written === "json",
    root: `${prefix}/`,
    prefixOf: (service) => `${prefix}/${service}/`,
    record(i) {
      const address = addressSegment(i);
      const value = { json: JSON.stringify(i), active: "active", address: decodeURIComponent(address) }[
        written
      ];
      return { key: `${prefix}/${i.service}/${address}`, value };
    },
    read(key, value) {
      const parts = key.slice(prefix.length + 1).split("/");
      if (parts.length !== 2) return { fault: "the key is not <name>/<host:port>" };
      const [service, address] = parts as [string, string];
      return readKeyed(service, undefined, address, value);
    },
  };
}

/** @param version undefined where the key has none */
function readKeyed(service: string, version: string | undefined, address: string, value: string): Read {
  const fault = serviceNameFault(service) ?? (version === undefined ? undefined : versionFault(version));
  if (fault !== undefined) return { fault };
  const json = jsonObject(value);
  if (json !== undefined && ("id" in json || "addresses" in json || "service" in json)) {
    const instance = instanceFrom(json);
    if (instance === undefined) return { fault: "the value is no instance" };
    return instance.service === service && instance.version === (version ?? instance.version)
      ? { instances: [instance], own: true }
      : { fault: "the value is of another service or version than the key" };
  }
  const url = urlOf(json === undefined && value !== "active" ? value : address);
  if (url === undefined)
    return { fault: 'the value is neither JSON, nor "active", nor an address, or the key ends with none' };
  return {
    instances: [foreignInstance(service, version ?? NO_VERSION, url, moreOf(json))],
    own: false,
  };
}

/** What others may say in JSON: `{"weight":2,"zone":"a","status":"serving","metadata":{…}}`, each of them or none. */
function moreOf(json: ReturnType<typeof jsonObject>): Partial<Instance> {
  if (json === undefined) return {};
  const { weight, zone, status, metadata } = json;
  return {
    ...(typeof weight === "number" && weight >= 0 ? { weight } : {}),
    ...(typeof zone === "string" && zone !== "" ? { zone } : {}),
    ...(status === "not-ready" || status === "draining" ? { status } : {}),
    metadata: textsOf(metadata),
  };
}
