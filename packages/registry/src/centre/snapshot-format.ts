import { instanceFrom } from "../backend/instance-record.ts";
import type { LeaseDump, NewRecord, StoreDump } from "./store.ts";

const FORMAT = "skein-registry/1";

export interface ParsedDump {
  readonly dump: StoreDump | undefined;
  /** Leases and records that are none. */
  readonly skipped: number;
  /** Why there is no dump. */
  readonly fault: string;
}

type Values = Readonly<Record<string, unknown>>;
const object = (v: unknown): v is Values => typeof v === "object" && v !== null && !Array.isArray(v);

export function dumpJson({ revision, leases }: StoreDump): string {
  return `${JSON.stringify({ format: FORMAT, revision, leases })}\n`;
}

/** The other way round: leases and records that are none are left out and counted. */
export function parseDump(text: string): ParsedDump {
  const torn = (fault: string): ParsedDump => ({ dump: undefined, skipped: 0, fault });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return torn(`it is no JSON: ${(error as Error).message.slice(0, 200)}`);
  }
  if (!object(value) || value.format !== FORMAT) return torn(`its format is not ${FORMAT}`);
  const { revision, leases } = value;
  if (!Number.isSafeInteger(revision) || !Array.isArray(leases))
    return torn("it has no revision or no leases");
  let skipped = 0;
  const skip = (): void => void skipped++;
  const sound = leases.flatMap((lease: unknown) => leaseFrom(lease, skip));
  return { dump: { revision: revision as number, leases: sound }, skipped, fault: "" };
}

function leaseFrom(value: unknown, skip: () => void): LeaseDump[] {
  if (!object(value) || !Array.isArray(value.records)) {
    skip();
    return [];
  }
  const { id, ttlMs, byHand, lastHeartbeat } = value;
  const sound =
    typeof id === "string" &&
    id !== "" &&
    typeof ttlMs === "number" &&
    ttlMs > 0 &&
    typeof byHand === "boolean" &&
    Number.isSafeInteger(lastHeartbeat);
  if (!sound) {
    skip();
    return [];
  }
  const records = value.records.flatMap((record: unknown) => recordFrom(record, skip));
  return [{ id, ttlMs, byHand, lastHeartbeat: lastHeartbeat as number, records }];
}

function recordFrom(value: unknown, skip: () => void): NewRecord[] {
  const { namespace, name, instance } = object(value) ? value : {};
  const sound = instanceFrom(instance);
  const named = typeof namespace === "string" && !namespace.includes("/") && typeof name === "string";
  if (named && sound !== undefined) return [{ namespace, name, instance: sound }];
  skip();
  return [];
}
