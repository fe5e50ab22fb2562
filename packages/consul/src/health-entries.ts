import type { Instance } from "@skein/core";
import { staticId, versionFault } from "@skein/core/internal";
import { textsOf } from "@skein/registry/backend";
import { isOurs, type Meta, type MetaRecord, recordOf } from "./meta-record.ts";
import type { ServiceNames } from "./service-names.ts";

/** An entry of GET /v1/health/service/<name>: what we need of it. */
export interface HealthEntry {
  readonly Node: { readonly Address: string };
  readonly Service: {
    readonly ID: string;
    readonly Address: string;
    readonly Port: number;
    readonly Meta: Meta;
  };
  readonly Checks: readonly HealthCheck[];
}

export interface HealthCheck {
  readonly Status: string;
  readonly Output: string;
}

const HOST = /^[A-Za-z0-9._:%-]+$/;

export interface FoundInstances {
  readonly instances: readonly Instance[];
  /** Key to what is wrong. */
  readonly malformed: ReadonlyMap<string, string>;
}

/** Undefined where the answer is no list of entries; what is null there is nothing. */
export function entriesOf(body: unknown): readonly HealthEntry[] | undefined {
  if (!Array.isArray(body)) return undefined;
  const entries = body.map(entryOf);
  return entries.includes(undefined) ? undefined : (entries as readonly HealthEntry[]);
}

function entryOf(value: unknown): HealthEntry | undefined {
  const { Node: node, Service: service, Checks: checks } = (value ?? {}) as Record<string, unknown>;
  const { Address: at } = (node ?? {}) as Record<string, unknown>;
  const { ID, Address, Port, Meta: meta } = (service ?? {}) as Record<string, unknown>;
  if (typeof ID !== "string" || !(checks === null || Array.isArray(checks))) return undefined;
  return {
    Node: { Address: typeof at === "string" ? at : "" },
    Service: {
      ID,
      Address: typeof Address === "string" ? Address : "",
      Port: typeof Port === "number" ? Port : 0,
      Meta: textsOf(meta),
    },
    Checks: (checks ?? []).map((check: { Status?: unknown; Output?: unknown } | null) => ({
      Status: String(check?.Status),
      Output: String(check?.Output ?? ""),
    })),
  };
}

/**
 * A service's instances: ours by their records, of which the one written last counts, and those that others registered. Of ours all whose checks are no
 * worse than their record's status makes them; of the others all whose checks pass.
 */
export function instancesIn(
  entries: readonly HealthEntry[],
  service: string,
  names: ServiceNames,
): FoundInstances {
  const malformed = new Map<string, string>();
  const ours = new Map<string, MetaRecord>();
  const others = new Map<string, Instance>();
  for (const entry of entries) {
    const { ID, Meta: meta } = entry.Service;
    const fault = (why: string): unknown => malformed.set(`${names.inConsul(service)}/${ID}`, why);
    const own = isOurs(meta);
    const record = own ? recordOf(meta) : undefined;
    if ((own && !names.has(meta)) || entry.Checks.some((check) => !isWell(check, record?.instance))) continue;
    if (!own) {
      const foreign = foreignOf(entry, service);
      if (foreign === undefined) fault("it has no address and port that could be called");
      else others.set(foreign.id, foreign);
      continue;
    }
    if (record?.instance.service !== service) fault("its Meta holds no record of an instance");
    else if (record.written >= (ours.get(record.instance.id)?.written ?? Number.NEGATIVE_INFINITY))
      ours.set(record.instance.id, record);
  }
  const instances = [...[...ours.values()].map((record) => record.instance), ...others.values()];
  return { instances: instances.sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)), malformed };
}

/** Of ours: not ready is critical, and draining a warning. A TTL that ran out is critical as well, and says so. */
export function isWell({ Status, Output }: HealthCheck, ours: Instance | undefined): boolean {
  if (Status === "passing") return true;
  if (Status === "warning") return ours !== undefined;
  return Status === "critical" && ours?.status === "not-ready" && !Output.startsWith("TTL expired");
}

/** A service that others registered: Meta may say `protocol` (default `skein`), `version` (`0.0.0`), `zone` and `weight` (1). */
function foreignOf({ Node, Service }: HealthEntry, service: string): Instance | undefined {
  const { Port: port, Meta: meta } = Service;
  const host = Service.Address || Node.Address;
  if (!HOST.test(host) || !Number.isInteger(port) || port < 1 || port > 65_535) return undefined;
  const { version, zone, protocol = "skein" } = meta;
  const scheme = /^https?$/.test(protocol) ? protocol : "tcp";
  const url = `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`;
  const weight = Number(meta.weight ?? 1);
  return {
    service,
    version: versionFault(version) === undefined ? (version as string) : "0.0.0",
    id: staticId(url),
    addresses: [{ protocol, url }],
    ...(zone === undefined || zone === "" ? {} : { zone }),
    weight: Number.isFinite(weight) && weight >= 0 ? weight : 1,
    status: "serving",
    startedAt: new Date(0).toISOString(),
    metadata: meta,
  };
}
