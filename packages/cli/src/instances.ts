import type { Instance, InstanceStatus, Snapshot } from "skein";
import type { Style } from "./paint.ts";

export const INSTANCE_STYLE: Readonly<Record<InstanceStatus, Style>> = {
  serving: "green",
  "not-ready": "yellow",
  draining: "yellow",
};

/** Where it listens; our own protocol first. */
export function addressOf(instance: Instance): string {
  const own = instance.addresses.find((address) => address.protocol === "skein");
  const others = instance.addresses.filter((address) => address !== own);
  const shown = [
    ...(own === undefined ? [] : [own.url]),
    ...others.map(({ protocol, url }) => `${protocol} ${url}`),
  ];
  return shown.join(", ") || "-";
}

export interface InstanceEvent {
  readonly type: "added" | "changed" | "removed";
  readonly instance: Instance;
  /** "serving → draining": what differs, for people. Empty unless changed. */
  readonly change: string;
}

/** What happened between two snapshots: removals first, then as the later one lists them. */
export function diffInstances(before: readonly Instance[], after: readonly Instance[]): InstanceEvent[] {
  const was = new Map(before.map((instance) => [instance.id, instance]));
  const is = new Set(after.map((instance) => instance.id));
  const removed = before
    .filter((instance) => !is.has(instance.id))
    .map((instance): InstanceEvent => ({ type: "removed", instance, change: "" }));
  const others = after.flatMap((instance): InstanceEvent[] => {
    const earlier = was.get(instance.id);
    if (earlier === undefined) return [{ type: "added", instance, change: "" }];
    const change = changeBetween(earlier, instance);
    return change === "" ? [] : [{ type: "changed", instance, change }];
  });
  return [...removed, ...others];
}

function changeBetween(before: Instance, after: Instance): string {
  const facts: readonly (readonly [name: string, of: (instance: Instance) => string])[] = [
    ["", (instance) => instance.status],
    ["version ", (instance) => instance.version],
    ["weight ", (instance) => String(instance.weight)],
    ["zone ", (instance) => instance.zone ?? "-"],
    ["address ", addressOf],
    ["metadata ", (instance) => JSON.stringify(instance.metadata)],
  ];
  return facts
    .filter(([, of]) => of(before) !== of(after))
    .map(([name, of]) => `${name}${of(before)} → ${of(after)}`)
    .join(", ");
}

/** Why a snapshot is old, in a word for people. */
export function staleReason(snapshot: Snapshot): string {
  return snapshot.error instanceof Error ? snapshot.error.message : "the registry cannot be asked";
}
