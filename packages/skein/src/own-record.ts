import type { Instance, InstanceAddress, ServiceDefinition } from "@skein/core";
import { tellEndpoints } from "@skein/core/internal";
import type { ServeOptions } from "./serve-options.ts";

export interface OwnRecordOptions {
  readonly definition: ServiceDefinition;
  readonly id: string;
  readonly startedAt: string;
  /** Where callers reach us. */
  readonly address: string;
  /** Protocols of the doors that are open there. */
  readonly doors: readonly string[];
  readonly options: Pick<ServeOptions, "metadata" | "zone" | "weight" | "tls">;
}

/** What the registry is told of a service of ours. */
export function ownRecord({
  definition,
  id,
  startedAt,
  address,
  doors,
  options,
}: OwnRecordOptions): Instance {
  const { metadata = {}, zone, weight = 1, tls } = options;
  const record: Instance = {
    service: definition.name,
    version: definition.version,
    id,
    addresses: addressesOf(address, doors, tls !== undefined),
    ...(zone !== undefined && { zone }),
    weight,
    status: "serving",
    startedAt,
    metadata,
  };
  tellEndpoints(record, definition.endpoints.values());
  return record;
}

/** Ours first: callers take the first that they speak. */
function addressesOf(address: string, doors: readonly string[], secure: boolean): readonly InstanceAddress[] {
  const { host, protocol } = new URL(address);
  const ours = { protocol: "skein", url: address };
  if (host === "" || protocol === "nats:") return [ours];
  return [ours, ...doors.map((door) => ({ protocol: door, url: `${door}${secure ? "s" : ""}://${host}` }))];
}
