import { instanceFault } from "@skein/core/internal";
import { instanceFrom } from "../backend/instance-record.ts";
import type { Fields } from "./body.ts";
import { idByHand, instanceByHand } from "./by-hand.ts";
import { DEFAULT_TTL_MS, namespaceOf, onlyKnown, textField, ttlField } from "./fields.ts";
import { badInput, Refusal } from "./refusal.ts";
import type { CentreStore, NewRecord, StoredLease, StoredRecord } from "./store.ts";

const REGISTER_AGAIN = "register again";

const unknownLease = (): Refusal =>
  new Refusal(404, "NOT_FOUND", `the lease is not known here, or its time is over: ${REGISTER_AGAIN}`);
const full = (): Refusal =>
  new Refusal(503, "RESOURCE_EXHAUSTED", "the registry is full: it takes no more leases or instances");

/** What a write is answered with. */
export type Written = Readonly<Record<string, unknown>>;

/** POST /lease: a promise to keep what is registered under it until `ttlMs` after the last heartbeat. */
export function grantLease(store: CentreStore, fields: Fields): Written {
  onlyKnown(fields.keys(), ["ttl", "ttlMs"]);
  const { id, ttlMs } = granted(store, ttlField(fields, DEFAULT_TTL_MS), false);
  return { lease: id, ttlMs };
}

function granted(store: CentreStore, ttlMs: number, byHand: boolean): StoredLease {
  const lease = store.grant(ttlMs, byHand);
  if (lease === undefined) throw full();
  return lease;
}

/** POST /register: an instance under a lease (its own when none is named), or one by hand. */
export function register(store: CentreStore, fields: Fields, now: number): Written {
  return fields.has("instance") ? registerInstance(store, fields) : registerByHand(store, fields, now);
}

function registerInstance(store: CentreStore, fields: Fields): Written {
  onlyKnown(fields.keys(), ["instance", "lease", "ttl", "ttlMs", "namespace"]);
  const value = fields.get("instance");
  const instance = instanceFrom(value);
  if (instance === undefined) throw badInput(faultOf(value));
  const id = textField(fields, "lease");
  const namespace = namespaceOf(textField(fields, "namespace"));
  const lease = id === undefined ? granted(store, ttlField(fields, DEFAULT_TTL_MS), false) : store.lease(id);
  if (lease === undefined) throw unknownLease();
  return put(store, lease, { namespace, instance });
}

function faultOf(value: unknown): string {
  try {
    const fault = instanceFault(value as Parameters<typeof instanceFault>[0]);
    if (fault !== undefined) return fault;
  } catch {
    // Not even near one.
  }
  return "the instance is none: it has service, version, id, addresses (protocol and url each), weight, status, startedAt and metadata (texts)";
}

/** The same again renews. */
function registerByHand(store: CentreStore, fields: Fields, now: number): Written {
  const made = instanceByHand(fields, new Date(now).toISOString());
  const namespace = namespaceOf(textField(fields, "namespace"));
  const before = store.find(namespace, made.instance.id);
  if (before !== undefined && !before.lease.byHand) throw held(before);
  const again = before !== undefined && before.lease.ttlMs === made.ttlMs ? before.lease.id : undefined;
  const lease =
    (again === undefined ? undefined : store.heartbeat(again)) ?? granted(store, made.ttlMs, true);
  const startedAt = before?.instance.startedAt ?? made.instance.startedAt;
  return put(store, lease, { namespace, name: made.name, instance: { ...made.instance, startedAt } });
}

function put(store: CentreStore, lease: StoredLease, record: NewRecord): Written {
  const done = store.put(lease.id, record);
  if (done === "lost") throw unknownLease();
  if (done === "full") {
    if (lease.records.size === 0) store.release(lease.id);
    throw full();
  }
  const { service, id } = record.instance;
  return {
    service,
    id,
    lease: lease.id,
    ttlMs: lease.ttlMs,
    index: store.revisionOf(record.namespace, service),
  };
}

const held = ({ instance }: StoredRecord): Refusal =>
  new Refusal(
    409,
    "FAILED_PRECONDITION",
    `the instance ${instance.id} of ${instance.service} is held under a lease, which this request does not name`,
  );

const WHO = ["lease", "id", "name", "addr", "namespace"];

/** POST /heartbeat: of a lease, or of an instance. */
export function heartbeat(store: CentreStore, fields: Fields): Written {
  onlyKnown(fields.keys(), WHO);
  const record = recordOf(store, fields);
  const id = textField(fields, "lease") ?? record?.lease.id;
  const lease = id === undefined ? undefined : store.heartbeat(id);
  if (lease === undefined)
    throw textField(fields, "lease") === undefined ? unknownInstance() : unknownLease();
  return { ttlMs: lease.ttlMs };
}

const unknownInstance = (): Refusal =>
  new Refusal(
    404,
    "NOT_FOUND",
    `no such instance is registered here, or its time is over: ${REGISTER_AGAIN}`,
  );

/** The instance that is meant by its id, or by its name and address. Throws where none is, and no lease either. */
function recordOf(store: CentreStore, fields: Fields): StoredRecord | undefined {
  const [name, address] = [textField(fields, "name"), textField(fields, "addr")];
  const byName = name === undefined || address === undefined ? undefined : idByHand(name, address);
  const id = textField(fields, "id") ?? byName;
  if (id !== undefined) return store.find(namespaceOf(textField(fields, "namespace")), id);
  if (textField(fields, "lease") !== undefined) return undefined;
  throw badInput("nobody is named: send lease=…, id=…, or name=… and addr=…");
}

/** POST /deregister: a whole lease, an instance of it, or one by hand. Again is the same as once. */
export function deregister(store: CentreStore, fields: Fields): Written {
  onlyKnown(fields.keys(), WHO);
  const lease = textField(fields, "lease");
  const record = recordOf(store, fields);
  if (lease !== undefined && !["id", "name", "addr"].some((name) => fields.has(name))) {
    const removed = store.lease(lease)?.records.size ?? 0;
    store.release(lease);
    return { removed };
  }
  if (record === undefined) return { removed: 0 };
  if (lease === undefined && !record.lease.byHand) throw held(record);
  const { namespace, instance } = record;
  return { removed: store.remove(lease ?? record.lease.id, namespace, instance.id) ? 1 : 0 };
}
