import type { Logger, Registry, Runtime } from "@skein/core";
import { NodeRegistry } from "@skein/registry/backend";
import { createEtcdClient } from "./etcd-client.ts";
import { EtcdNode } from "./etcd-node.ts";
import { parseEtcdUrl } from "./etcd-url.ts";

export interface EtcdOptions {
  readonly runtime: Runtime;
  readonly logger: Logger;
  /** Keys begin with it: keeps groups of services apart. */
  readonly namespace?: string | undefined;
  /** Of the leases, ms: after a cut everything is as it should be within a third of it. @default 30_000 */
  readonly ttlMs?: number | undefined;
}

/**
 * A registry on etcd 3.4 or later. Throws INVALID_ARGUMENT, naming the part of the URL that is wrong.
 *
 * @param url `etcd://user:password@a:2379,b:2379/?prefix=/services`, with these parameters:
 * - `prefix`: keys begin with it. Default `/services`.
 * - `layout`: `skein` (default), `plain`, `go-micro`, `grpc`, or several with commas; see docs/registry-records.md.
 * - `value`: what the layout `plain` writes: `json` (default), `active` or `address`.
 * - `goMicroPrefix`: default `/micro/registry`. `grpcTarget`: default `{service}`.
 * - `tls=true` (or `etcds://`), `ca=FILE`, `cert=FILE` and `key=FILE` (client certificate), `serverName`.
 */
export function createRegistry(url: string, options: EtcdOptions): Registry {
  const { runtime, logger, namespace, ttlMs } = options;
  const target = parseEtcdUrl(url, namespace);
  const port = createEtcdClient(target, logger, runtime.random);
  const { name, layouts } = target;
  return new NodeRegistry(name, new EtcdNode({ name, layouts, port, runtime, logger, ttlMs }));
}
