import { isEndpointSubject, isMicroName } from "./micro-names.ts";

/** Of an endpoint of ours. */
export const IDEMPOTENT = "skein.idempotent";

type Metadata = Readonly<Record<string, string>>;

/** In each answer to a verb (ADR-32). */
export interface MicroIdentity {
  readonly name: string;
  readonly id: string;
  /** A semantic one. */
  readonly version: string;
  readonly metadata: Metadata;
}

export interface MicroEndpoint {
  readonly name: string;
  readonly subject: string;
  readonly queue_group: string;
  readonly metadata: Metadata;
}

export interface MicroEndpointStats extends Omit<MicroEndpoint, "metadata"> {
  readonly num_requests: number;
  readonly num_errors: number;
  /** `404:no user 7`; empty before the first. */
  readonly last_error: string;
  /** Of all together, ns. */
  readonly processing_time: number;
  readonly average_processing_time: number;
}

export const pingRecord = (identity: MicroIdentity) => ({
  type: "io.nats.micro.v1.ping_response",
  ...identity,
});

export const infoRecord = (
  identity: MicroIdentity,
  description: string,
  endpoints: readonly MicroEndpoint[],
) => ({ type: "io.nats.micro.v1.info_response", ...identity, description, endpoints });

/** @param started RFC 3339, UTC */
export const statsRecord = (
  identity: MicroIdentity,
  started: string,
  endpoints: readonly MicroEndpointStats[],
) => ({ type: "io.nats.micro.v1.stats_response", ...identity, started, endpoints });

/** What INFO of somebody tells, as far as it can be used. */
export interface PeerInfo {
  readonly id: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly endpoints: readonly PeerEndpoint[];
}

export interface PeerEndpoint {
  readonly name: string;
  readonly subject: string;
  /** The service says that it may be executed twice. */
  readonly idempotent: boolean;
}

const MOST_BYTES = 1024 * 1024;

/** Anybody may answer: what is no such record of that service is undefined, and endpoints whose subjects are none are left out. */
export function readInfo(bytes: Uint8Array, name: string): PeerInfo | undefined {
  const told = bytes.length > MOST_BYTES ? undefined : parse(bytes);
  if (told?.type !== "io.nats.micro.v1.info_response" || told.name !== name || !isMicroName(told.id))
    return undefined;
  const endpoints = Array.isArray(told.endpoints) ? told.endpoints : [];
  return { id: told.id, metadata: recordOf(told.metadata), endpoints: endpoints.flatMap(readEndpoint) };
}

function readEndpoint(told: unknown): readonly PeerEndpoint[] {
  const { name, subject, metadata } = recordOf(told);
  return isMicroName(name) && isEndpointSubject(subject)
    ? [{ name, subject, idempotent: recordOf(metadata)[IDEMPOTENT] === "true" }]
    : [];
}

function parse(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    return recordOf(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return undefined;
  }
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
