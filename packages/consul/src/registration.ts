import { type Instance, RpcError } from "@skein/core";
import { type Meta, metaOf, NAMESPACE_KEY } from "./meta-record.ts";
import type { ServiceNames } from "./service-names.ts";

const HEALTH_PATH = "/health/ready";
const HEALTH_INTERVAL = "10s";
const HEALTH_TIMEOUT = "5s";
const MOST_WEIGHT = 65_535;
/** An instance that is not ready lives: Consul removes it only after so long. */
const NOT_READY_MS = 3_600_000;

export interface RegistrationOptions {
  readonly names: ServiceNames;
  readonly check: "ttl" | "http";
  readonly ttlMs: number;
  readonly deregisterMs: number;
}

/** The body of PUT /v1/agent/service/register. */
export interface Registration {
  readonly ID: string;
  readonly Name: string;
  /** Without both, the instance has no TCP address. */
  readonly Address?: string | undefined;
  readonly Port?: number | undefined;
  readonly Tags: readonly string[];
  readonly Meta: Meta;
  /** Shares in DNS's SRV answers. */
  readonly Weights: { readonly Passing: number; readonly Warning: number };
  readonly Check: Readonly<Record<string, string>>;
}

/** Throws INVALID_ARGUMENT where Consul could not hold it. */
export function registrationOf(
  instance: Instance,
  id: string,
  written: number,
  options: RegistrationOptions,
): Registration {
  const { names, deregisterMs } = options;
  const meta = metaOf({ instance, written });
  if (meta === undefined)
    throw refused(`the record of instance ${instance.id} is longer than Consul's Meta can hold (29 KiB)`);
  const at = tcpOf(instance);
  const { namespace } = names;
  const stayMs = instance.status === "not-ready" ? Math.max(NOT_READY_MS, deregisterMs) : deregisterMs;
  const check = options.check === "ttl" ? { TTL: `${options.ttlMs}ms` } : httpCheck(instance, at);
  return {
    ID: id,
    Name: names.inConsul(instance.service),
    ...(at === undefined ? {} : { Address: at.host, Port: at.port }),
    Tags: tagsOf(instance),
    Meta: namespace === undefined ? meta : { ...meta, [NAMESPACE_KEY]: namespace },
    Weights: { Passing: Math.max(1, Math.min(MOST_WEIGHT, Math.round(instance.weight))), Warning: 0 },
    Check: { ...check, Status: statusOf(instance), DeregisterCriticalServiceAfter: `${stayMs}ms` },
  };
}

export type ConsulStatus = "passing" | "warning" | "critical";

/**
 * Not ready is critical: neither who asks Consul for what passes nor its DNS gives it out, and our readers see its status. What drains is a warning until
 * it has gone.
 */
export function statusOf({ status }: Instance): ConsulStatus {
  return status === "serving" ? "passing" : status === "not-ready" ? "critical" : "warning";
}

/** An id in letters that need no escape anywhere; ids that differ stay different. */
export function serviceId(instanceId: string, lease: string): string {
  const clean = instanceId.replaceAll(/[^A-Za-z0-9.-]/gu, (c) => `_${c.codePointAt(0)?.toString(16)}_`);
  return `${clean}-${lease}`;
}

function tagsOf({ version, zone, weight }: Instance): readonly string[] {
  const tags = [`version=${version}`, `weight=${weight}`];
  return zone === undefined ? tags : [...tags, `zone=${zone}`];
}

interface TcpAddress {
  readonly host: string;
  readonly port: number;
}

/** Where skein is spoken, if that is over TCP; else any other. */
function tcpOf({ addresses }: Instance): TcpAddress | undefined {
  const found = addresses.flatMap(({ protocol, url }) => {
    const [, host, port] = /^[a-z][a-z0-9+.-]*:\/\/(\[[^\]]+\]|[^:/?#]+):(\d{1,5})/i.exec(url) ?? [];
    return host === undefined
      ? []
      : [{ protocol, host: host.replaceAll(/^\[|\]$/g, ""), port: Number(port) }];
  });
  const { host, port } = found.find((a) => a.protocol === "skein") ?? found[0] ?? {};
  return host === undefined || port === undefined ? undefined : { host, port };
}

function httpCheck(instance: Instance, at: TcpAddress | undefined): Readonly<Record<string, string>> {
  if (at === undefined)
    throw refused(`instance ${instance.id} has no TCP address for check=http: listen on one, or use TTLs`);
  const host = at.host.includes(":") ? `[${at.host}]` : at.host;
  return {
    HTTP: `http://${host}:${at.port}${HEALTH_PATH}`,
    Interval: HEALTH_INTERVAL,
    Timeout: HEALTH_TIMEOUT,
  };
}

function refused(message: string): RpcError {
  return new RpcError("INVALID_ARGUMENT", message, { executed: "no" });
}
