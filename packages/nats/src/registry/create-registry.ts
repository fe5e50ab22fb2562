import type { Logger, Registry, Runtime } from "@skein/core";
import { connectNats } from "../nats-client.ts";
import { parseNatsUrl } from "../nats-url.ts";
import { NatsRegistry } from "./nats-registry.ts";
import { registrySubjects } from "./registry-subjects.ts";

export interface NatsRegistryOptions {
  readonly runtime: Runtime;
  readonly logger: Logger;
  /** Keeps groups of services apart: subjects of its own. */
  readonly namespace?: string | undefined;
}

/**
 * A registry on NATS alone: nothing is stored there. Who serves says so on a subject, again with each renewal, and when asked; who calls asks and listens.
 * Anybody who may publish there can say anything: who is called proves who it is by TLS, not by its record. Throws INVALID_ARGUMENT, naming the part of
 * the URL that is wrong.
 *
 * @param url as of createTransport: `nats://user:password@a:4222,b:4222/?prefix=skein`
 */
export function createRegistry(url: string, options: NatsRegistryOptions): Registry {
  const { runtime, logger, namespace } = options;
  const target = parseNatsUrl(url);
  return new NatsRegistry({
    name: target.name,
    runtime,
    logger,
    subjects: registrySubjects(target.prefix, namespace),
    connect: (events) => connectNats(target, { runtime, logger }, events),
  });
}
