import type { Logger, Registry, Runtime } from "@skein/core";
import { ConsulRegistry } from "./consul-registry.ts";
import { parseConsulUrl } from "./consul-url.ts";

export interface ConsulOptions {
  readonly runtime: Runtime;
  readonly logger: Logger;
  /** Services are called `<namespace>--<name>` in Consul: keeps groups of services apart. */
  readonly namespace?: string | undefined;
  /** Of the leases, ms: after a failure watches are well again within a third of it. @default 30_000 */
  readonly ttlMs?: number | undefined;
}

/**
 * A registry on Consul, spoken to through one agent: the one of this machine, usually. Throws INVALID_ARGUMENT, naming the part of the URL that is wrong.
 *
 * Each instance is a service of the agent, `<instance id>-<lease>`, with the address where it speaks skein, the whole instance in Meta, and tags such as
 * `version=1.0.0`. What is not ready is critical in Consul, so that neither those who ask for what passes nor its DNS give it out. Services that others registered are
 * found as well, when all their checks pass; their Meta may say `protocol` (default `skein`), `version` (`0.0.0`), `zone` and `weight` (1).
 *
 * @param url `consul://token@host:8500?dc=dc1` (`consuls://` for HTTPS), with these parameters:
 * - `dc`: the datacenter in which services are looked up. Default: the agent's own, in which it registers always.
 * - `check`: `ttl` (default): the lease keeper tells Consul that the instance lives; `http`: the agent asks `/health/ready` on the instance's own port
 *   every 10 s, within 5 s.
 * - `deregisterAfter`: how long a service stays in Consul, unseen, once it is critical. Default, and the least: `60s`; an hour while it is not ready.
 * - `watch`: `block` (default), or `poll` where blocking queries do not work; then `interval`, default and the least `5s`.
 * - `timeout`: of one request. Default `5s`, the least `1s`.
 */
export function createRegistry(url: string, options: ConsulOptions): Registry {
  const { runtime, logger, namespace, ttlMs } = options;
  return new ConsulRegistry({ target: parseConsulUrl(url), runtime, logger, namespace, ttlMs });
}
