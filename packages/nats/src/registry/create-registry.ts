import type { Logger, Registry, Runtime } from "@skein/core";
import { NodeRegistry, urlFault } from "@skein/registry/backend";
import { connectNats } from "../nats-client.ts";
import type { NatsPort, NatsPortEvents } from "../nats-port.ts";
import { readNatsUrl } from "../nats-url.ts";
import { isBucket, kvKeys } from "./kv/kv-keys.ts";
import { KvNode } from "./kv/kv-node.ts";
import { NatsNode } from "./nats-node.ts";
import { registrySubjects } from "./registry-subjects.ts";

export interface NatsRegistryOptions {
  readonly runtime: Runtime;
  readonly logger: Logger;
  /** Keeps groups of services apart: subjects of its own. */
  readonly namespace?: string | undefined;
}

/**
 * A registry on NATS alone. Anybody who may publish there can say anything: who is called proves who it is by TLS, not by its record. Throws INVALID_ARGUMENT,
 * naming the part of the URL that is wrong.
 *
 * @param url as of createTransport: `nats://user:password@a:4222,b:4222/?prefix=skein`. Nothing is stored there: who serves says so on a subject, again with
 * each renewal, and when asked; who calls asks and listens. With `kv=bucket` the records are kept in a bucket of JetStream's key-value, which is made where
 * there is none; check(), and whatever else is asked, rejects with FAILED_PRECONDITION where the server has no JetStream.
 */
export function createRegistry(url: string, options: NatsRegistryOptions): Registry {
  const { runtime, logger, namespace } = options;
  const { target, url: parts } = readNatsUrl(url, ["kv"], "the registry");
  const bucket = parts.params.get("kv");
  if (bucket !== undefined && !isBucket(bucket))
    throw urlFault(
      target.name,
      `kv=${bucket} is no name of a bucket: give up to 64 letters, digits, "-" and "_"`,
    );
  const common = {
    name: target.name,
    runtime,
    logger,
    subjects: registrySubjects(target.prefix, namespace),
    connect: (events: NatsPortEvents): NatsPort => connectNats(target, { runtime, logger }, events),
  };
  const node =
    bucket === undefined
      ? new NatsNode(common)
      : new KvNode({ ...common, keys: kvKeys(bucket, target.prefix, namespace) });
  return new NodeRegistry(target.name, node);
}
