import type { Instance } from "@skein/core";
import { serviceNameFault } from "@skein/core/internal";
import { goJson, isObject, jsonObject, parseInstance, textsOf } from "@skein/registry/backend";
import { addressSegment, foreignInstance, hostPortOf, isHostPort } from "./addresses.ts";
import type { Layout } from "./layout.ts";

/** Our instance, whole, among the metadata of an endpoint. */
const OURS = "skein";
const OP_DELETE = 1;

/**
 * That of etcd's own naming/endpoints for grpc-go: `<target>/<host:port>` with `{"Op":0,"Addr":"10.0.0.7:8080","Metadata":…}`. A Go client dials `etcd:///<target>`.
 * @param target with `{service}` in it
 */
export function grpcLayout(target: string): Layout {
  const [before = "", after = ""] = target.split("{service}", 2);
  return {
    name: "grpc",
    hasStatus: false,
    root: before === "" ? undefined : before,
    prefixOf: (service) => `${before}${service}${after}/`,
    record: (i) => ({
      key: `${before}${i.service}${after}/${addressSegment(i)}`,
      value: goJson({
        Op: 0,
        Addr: hostPortOf(i, "grpc", "skein") ?? "",
        Metadata: { ...i.metadata, version: i.version, [OURS]: JSON.stringify(i) },
      }),
    }),
    read(key, value) {
      const rest = key.slice(before.length);
      const end = after === "" ? rest.indexOf("/") : rest.indexOf(`${after}/`);
      const service = rest.slice(0, Math.max(0, end));
      const fault = serviceNameFault(service);
      if (fault !== undefined) return { fault };
      const json = jsonObject(value);
      const { Addr, Op, Metadata } = json ?? {};
      if (Op === OP_DELETE) return { instances: [], own: false };
      if (typeof Addr !== "string" || !isHostPort(Addr))
        return { fault: "the value is no endpoint: it has no Addr" };
      const ours = ownOf(Metadata);
      if (ours?.service === service) return { instances: [ours], own: true };
      return { instances: [foreign(service, Addr, Metadata)], own: false };
    },
  };
}

function ownOf(metadata: unknown): Instance | undefined {
  const text = isObject(metadata) ? metadata[OURS] : undefined;
  return typeof text === "string" ? parseInstance(text) : undefined;
}

function foreign(service: string, address: string, metadata: unknown): Instance {
  const url = `tcp://${address}`;
  return foreignInstance(service, "0.0.0", url, {
    addresses: [{ protocol: "grpc", url }],
    metadata: textsOf(metadata),
  });
}
