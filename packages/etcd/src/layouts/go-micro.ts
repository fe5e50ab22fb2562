import type { Instance } from "@skein/core";
import { goMicroEndpoints, goMicroFault, serviceNameFault, versionFault } from "@skein/core/internal";
import {
  goJson,
  isObject,
  type Json,
  jsonObject,
  parseInstance,
  sorted,
  textsOf,
} from "@skein/registry/backend";
import { hostPortOf, isHostPort } from "./addresses.ts";
import type { Layout, Read } from "./layout.ts";

/** Our instance, whole, in a node's metadata: Go Micro passes over it. */
const OURS = "skein";

/**
 * Go Micro's: `/micro/registry/<service>/<node-id>`, a JSON of the service with one node. Its client needs `nodes[].metadata.protocol`: without it, it
 * falls back to another protocol.
 */
export function goMicroLayout(prefix: string): Layout {
  return {
    name: "go-micro",
    hasStatus: false,
    unfit: goMicroFault,
    root: `${prefix}/`,
    prefixOf: (service) => `${prefix}/${dashed(service)}/`,
    record: (i) => ({
      key: `${prefix}/${dashed(i.service)}/${dashed(nodeId(i))}`,
      value: goJson({
        name: i.service,
        version: i.version,
        metadata: null,
        endpoints: goMicroEndpoints(i),
        nodes: [{ id: nodeId(i), address: addressOf(i), metadata: metadataOf(i) }],
      }),
    }),
    read(key, value) {
      const service = key.slice(prefix.length + 1).split("/", 1)[0] as string;
      return readValue(service, value);
    },
  };
}

const dashed = (text: string): string => text.replaceAll("/", "-");
const nodeId = (i: Instance): string => `${i.service}-${i.id}`;
const isGrpc = (i: Instance): boolean =>
  !i.addresses.some((a) => a.protocol === "http") && i.addresses.some((a) => a.protocol === "grpc");
const addressOf = (i: Instance): string => hostPortOf(i, isGrpc(i) ? "grpc" : "http", "skein") ?? "";

function metadataOf(i: Instance): Record<string, string> {
  const server = isGrpc(i)
    ? { protocol: "grpc", server: "grpc", transport: "grpc" }
    : { protocol: "mucp", server: "mucp", transport: "http" };
  return sorted({ ...i.metadata, broker: "http", registry: "etcd", ...server, [OURS]: JSON.stringify(i) });
}

function readValue(service: string, value: string): Read {
  const json = jsonObject(value);
  if (json === undefined || !Array.isArray(json.nodes))
    return { fault: "the value is no service of Go Micro" };
  const { name } = json;
  const version = json.version === "" ? "0.0.0" : json.version;
  const fault = serviceNameFault(name) ?? versionFault(version);
  if (fault !== undefined) return { fault };
  if (dashed(name as string) !== service) return { fault: "the value is of another service than the key" };
  const read = json.nodes.map((node: unknown) => readNode(name as string, version as string, node));
  const instances = read.filter((i): i is NonNullable<typeof i> => i !== undefined);
  if (instances.length < read.length || read.length === 0) return { fault: "a node of it is none" };
  return { instances: instances.map((i) => i.instance), own: instances.every((i) => i.own) };
}

function readNode(
  service: string,
  version: string,
  node: unknown,
): { readonly instance: Instance; readonly own: boolean } | undefined {
  if (!isObject(node)) return undefined;
  const metadata = textsOf(node.metadata);
  const ours = metadata[OURS] === undefined ? undefined : parseInstance(metadata[OURS]);
  if (ours?.service === service && ours.version === version) return { instance: ours, own: true };
  return foreignNode(service, version, node, metadata);
}

function foreignNode(
  service: string,
  version: string,
  node: Json,
  metadata: Readonly<Record<string, string>>,
) {
  const { id, address } = node;
  if (typeof id !== "string" || typeof address !== "string" || !isHostPort(address)) return undefined;
  const protocol = metadata.protocol === "grpc" ? "grpc" : "go-micro";
  const instance = parseInstance(
    JSON.stringify({
      service,
      version,
      id: dashed(id),
      addresses: [{ protocol, url: `${protocol === "grpc" ? "tcp" : "http"}://${address}` }],
      weight: 1,
      status: "serving",
      startedAt: new Date(0).toISOString(),
      metadata,
    }),
  );
  return instance === undefined ? undefined : { instance, own: false };
}
