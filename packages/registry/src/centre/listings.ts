import type { Clock } from "@skein/core";
import type { CentreStore, StoredRecord } from "./store.ts";

/** What is listed of an instance: what was registered, and when it was last heard of. */
function entry({ instance, lease }: StoredRecord, clock: Clock): object {
  return {
    ...instance,
    ttlMs: lease.ttlMs,
    lastHeartbeat: new Date(lease.lastHeartbeat).toISOString(),
    expiresInMs: Math.round(lease.expiresAt - clock.monotonic()),
    ...(lease.byHand ? { byHand: true } : {}),
  };
}

const nameOf = (records: readonly StoredRecord[], service: string): string => records[0]?.name ?? service;

/** GET /services. */
export function listServices(store: CentreStore, clock: Clock, namespace: string): object {
  const services = [...store.services(namespace)].map(([service, records]) => ({
    name: nameOf(records, service),
    service,
    versions: [...new Set(records.map((r) => r.instance.version))].sort(),
    instances: records.map((record) => entry(record, clock)),
  }));
  return { namespace, index: store.revision, services };
}

/** GET /services/:name. */
export function listService(store: CentreStore, clock: Clock, namespace: string, service: string): object {
  const records = store.of(namespace, service);
  return {
    namespace,
    name: nameOf(records, service),
    service,
    index: store.revisionOf(namespace, service),
    instances: records.map((record) => entry(record, clock)),
  };
}

/** What a watch answers, as JSON: without heartbeats, which are no change, so that it is the same for everybody. */
export function watchedJson(store: CentreStore, namespace: string, service: string): string {
  const records = store.of(namespace, service);
  const head = {
    namespace,
    name: nameOf(records, service),
    service,
    index: store.revisionOf(namespace, service),
  };
  return `${JSON.stringify(head).slice(0, -1)},"instances":[${records.map((r) => r.json).join(",")}]}`;
}
