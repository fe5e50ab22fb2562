/** A service's running copy, as announced in a registry. */
export interface Instance {
  /** Registry name of the service: see names.ts. */
  readonly service: string;
  /** Semantic version, or any version segment a registry key can hold (`v1`). */
  readonly version: string;
  /** New at every start of a process. */
  readonly id: string;
  /** Where it listens, by protocol: `{ protocol: "skein", url: "tcp://10.0.0.7:8080" }`. */
  readonly addresses: readonly InstanceAddress[];
  readonly zone?: string | undefined;
  /** Share of traffic relative to others. @default 1 */
  readonly weight: number;
  readonly status: InstanceStatus;
  /** RFC 3339, UTC. */
  readonly startedAt: string;
  /** Under 8 KiB as JSON. */
  readonly metadata: Readonly<Record<string, string>>;
}

export interface InstanceAddress {
  readonly protocol: string;
  readonly url: string;
}

export type InstanceStatus = "serving" | "not-ready" | "draining";

/** The whole present set of a service's instances. */
export interface Snapshot {
  readonly instances: readonly Instance[];
  /** Grows with each change the registry knows of; going backwards means that it was reset. */
  readonly revision: number;
  /** The registry could not be asked: `instances` are the last known ones. */
  readonly stale?: boolean | undefined;
  /** Why it is stale. */
  readonly error?: unknown;
}

export interface ServiceSummary {
  readonly name: string;
  readonly versions: readonly string[];
  readonly instances: number;
}
