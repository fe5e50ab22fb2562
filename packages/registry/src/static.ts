import { type Instance, type Registry, RpcError, type ServiceSummary, type Snapshot } from "@skein/core";
import { serviceNameFault, staticId, versionFault } from "@skein/core/internal";
import { SnapshotFeed } from "./snapshot-feed.ts";
import { summarize } from "./summary.ts";

const FORM = "give static://user=10.0.0.1:8080,10.0.0.2:8080;order=10.0.0.3:8080";

/**
 * A fixed list: `static://user=10.0.0.1:8080,10.0.0.2:8080;order=[::1]:9000`. A version may follow the name (`user@1.2.0=…`); addresses may have a
 * scheme (`unix:/run/user.sock`; `grpc://…`, with TLS `grpcs://…`, for servers of gRPC). Read-only. Throws naming the part that is wrong.
 */
export function createStaticRegistry(url: string): Registry {
  const instances = parse(url);
  const feeds = new Set<SnapshotFeed>();
  let closed = false;
  const snapshot = (service: string): Snapshot => ({
    instances: instances.filter((i) => i.service === service),
    revision: 1,
  });
  return {
    name: "static:",
    readOnly: true,
    lease: () =>
      Promise.reject(
        new RpcError(
          "FAILED_PRECONDITION",
          "a static registry is read-only: services cannot announce themselves there",
          { executed: "no" },
        ),
      ),
    watch(service, { signal }) {
      const feed = new SnapshotFeed(signal, () => feeds.delete(feed));
      if (closed) feed.end();
      else feeds.add(feed);
      feed.push(snapshot(service));
      return feed;
    },
    get: async (service) => snapshot(service),
    list: async (): Promise<readonly ServiceSummary[]> => summarize(instances),
    async close() {
      closed = true;
      for (const feed of [...feeds]) feed.end();
    },
  };
}

function parse(url: string): readonly Instance[] {
  const body = /^static:(?:\/\/)?(.*)$/s.exec(url)?.[1]?.replace(/\/$/, "");
  if (body === undefined || body === "") throw new Error(`${url} names no service: ${FORM}`);
  const instances: Instance[] = [];
  for (const part of body.split(/[;&]/)) {
    const match = /^([^@=]+)(?:@([^=]+))?=(.+)$/.exec(part.trim());
    if (match === null) throw new Error(`static registry: "${part}" is not name=address: ${FORM}`);
    const [, service = "", version = "0.0.0", addresses = ""] = match;
    const fault = serviceNameFault(service) ?? versionFault(version);
    if (fault !== undefined) throw new Error(`static registry: "${part}": ${fault}`);
    for (const address of addresses.split(",")) {
      const made = instance(service, version, address.trim());
      if (instances.some((i) => i.service === service && i.id === made.id))
        throw new Error(`static registry: "${address.trim()}" of ${service} is there twice: remove one`);
      instances.push(made);
    }
  }
  return instances;
}

function instance(service: string, version: string, address: string): Instance {
  const tcp = /^(?:(tcp|grpcs?):\/\/)?((?:\[[0-9a-fA-F:]+\]|[^:/\s]+):(\d{1,5}))$/.exec(address);
  const [, scheme = "tcp", at, port = 1] = tcp ?? [];
  const url = tcp === null ? address : `${scheme}://${at}`;
  if ((tcp === null && !/^(unix:\/|memory:)/.test(address)) || Number(port) > 65_535 || Number(port) === 0)
    throw new Error(`static registry: "${address}" of ${service} is no address: ${FORM}`);
  return {
    service,
    version,
    id: staticId(url),
    addresses: [{ protocol: scheme === "tcp" ? "skein" : "grpc", url }],
    weight: 1,
    status: "serving",
    startedAt: new Date(0).toISOString(),
    metadata: {},
  };
}
