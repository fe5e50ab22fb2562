import { RpcError } from "@skein/core";
import { type Disturbances, pair } from "./disturbances.ts";
import type { CallRecord, Execution } from "./ledger.ts";
import type { Machine } from "./machine.ts";
import type { Link } from "./network.ts";

/** What the world knows and no process does. */
export interface Facts {
  /** When the world ended. */
  readonly now: number;
  readonly links: readonly Link[];
  readonly disturbances: Disturbances;
  /** Of a method, its answers are checked, and perhaps changed, by a schema. */
  hasSchema(service: string, method: string): boolean;
  serves(machine: Machine, service: string): boolean;
}

/** So much time a call must have been given, ms: a silent instance is suspected after 1.5 s, and the call is tried elsewhere. */
const ENOUGH_MS = 3000;
/** An instance counts as steady when it has been well and connected for so long before the call, ms. */
const BEFORE_MS = 1000;
/** What befell an instance so long before a call may still be what the call meets, ms. */
const AFTERMATH_MS = 3000;
/** A handler that takes longer is the service's own affair, ms. */
const SLOW_MS = 1000;

const ON_THE_WAY = ["UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"];

/**
 * Why an idempotent call should not have failed; undefined: it did not, or it may have. It may where it had less than 3 s, its caller was
 * disturbed, two or more instances that it could meet were (a call is tried again once), no other was well and connected throughout, or
 * its handler was slow.
 */
export function needless(
  call: CallRecord,
  executions: readonly Execution[],
  facts: Facts,
): string | undefined {
  const { ended, began, endedAt, caller } = call;
  if (!call.idempotent || call.streaming || ended?.kind !== "error" || !RpcError.is(ended.error))
    return undefined;
  const { code, executed, message } = ended.error;
  if (executed === "yes" || !ON_THE_WAY.includes(code) || call.deadline - began < ENOUGH_MS) return undefined;
  if (facts.disturbances.within([caller.name], began - AFTERMATH_MS, endedAt).length > 0) return undefined;
  if (executions.some((e) => isSlow(e, endedAt))) return undefined;
  const links = facts.links.filter(
    (l) => l.caller.machine === caller && facts.serves(l.server.machine, call.service),
  );
  const steady = links.find((link) => isSteady(link, call, facts));
  const troubled = new Set(
    links.filter((link) => isTroubled(link, call, facts)).map((l) => l.server.machine.host),
  );
  if (steady === undefined || troubled.size > 1) return undefined;
  return `it failed with ${code} (${message}), had ${Math.round(call.deadline - began)} ms, and ${steady.server.machine.name} was well and connected`;
}

function isSlow(execution: Execution, until: number): boolean {
  return (execution.endedAt ?? until) - execution.began > SLOW_MS;
}

function isSteady(link: Link, { began, endedAt }: CallRecord, facts: Facts): boolean {
  const from = began - BEFORE_MS;
  return link.readyAt <= from && link.closedAt > endedAt && !isDisturbed(link, from, endedAt, facts);
}

function isTroubled(link: Link, { began, endedAt }: CallRecord, facts: Facts): boolean {
  const from = began - AFTERMATH_MS;
  return link.leftAt >= from && isDisturbed(link, from, endedAt, facts);
}

function isDisturbed({ id, caller, server }: Link, from: number, until: number, facts: Facts): boolean {
  const ways = pair(caller.machine.host, server.machine.host);
  return facts.disturbances.within([id, server.machine.name, ways], from, until).length > 0;
}
