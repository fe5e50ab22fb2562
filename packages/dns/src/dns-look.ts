import { isIP } from "node:net";
import type { Instance } from "@skein/core";
import { staticId } from "@skein/core/internal";
import type { Answer } from "dns-packet";
import { dnsNameFault, foldName } from "./dns-name.ts";
import { type DnsResolver, type Found, ofName, ttlOf } from "./dns-resolver.ts";

/** What a service's name says. */
export interface Look {
  /** By id: servers shuffle their answers. */
  readonly instances: readonly Instance[];
  readonly ttlMs: number;
  /** See Found.zone. */
  readonly zone: string | undefined;
  /** Records that are none, and why. */
  readonly skipped: ReadonlyMap<string, string>;
  /** Addresses of SRV records' targets, to be given to the next look. */
  readonly targets: Targets;
}

type Targets = ReadonlyMap<string, Addresses>;

export interface LookOptions {
  readonly resolver: DnsResolver;
  readonly name: string;
  readonly service: string;
  readonly version: string;
  /** Undefined: SRV records say it. */
  readonly port: number | undefined;
  /** Of the look before: a target that cannot be asked for now is where it was. */
  readonly targets: Targets;
  readonly signal: AbortSignal;
}

interface Addresses {
  readonly addresses: readonly string[];
  readonly ttlMs: number;
  readonly zone?: string | undefined;
}

/** Targets asked for at a time: fewer than the listeners of one signal that Node warns of. */
const AT_ONCE = 8;

/** Asks for a service's instances. Rejects where none of its targets can be asked for. */
export async function lookForInstances(options: LookOptions): Promise<Look> {
  const { port, name, resolver, signal } = options;
  if (port === undefined) return await lookForSrv(options);
  const { addresses, ttlMs, zone } = await addressesOf(resolver, name, signal);
  const instances = addresses.map((address) => instanceAt(options, address, port, 1));
  return { instances: inOrder(instances), ttlMs, zone, skipped: new Map(), targets: new Map() };
}

async function lookForSrv(options: LookOptions): Promise<Look> {
  const { name, resolver, signal } = options;
  const found = await resolver.ask(name, "SRV", signal);
  const skipped = new Map<string, string>();
  const services = sound(found.records, skipped);
  const asked = await each(new Set(services.map((s) => foldName(s.target))), (target) =>
    addressesOfTarget(resolver, target, found, signal),
  );
  const faults = [...asked.values()].filter((a) => a instanceof Error);
  if (faults.length > 0 && faults.length === asked.size) throw faults[0];
  const targets = new Map<string, Addresses>();
  const instances: Instance[] = [];
  for (const { target, port, weight } of services) {
    const key = foldName(target);
    const now = asked.get(key) as Addresses | Error;
    const known = now instanceof Error ? options.targets.get(key) : now;
    if (known !== undefined) targets.set(key, known);
    if (known === undefined || known.addresses.length === 0)
      skipped.set(`${target}:${port}`, now instanceof Error ? now.message : "it has no address");
    for (const address of known?.addresses ?? [])
      instances.push(instanceAt(options, address, port, weight || 1));
  }
  const ttls = [...asked.values()].map((a) => (a instanceof Error ? ASKED_AGAIN_MS : a.ttlMs));
  const ttlMs = Math.min(found.ttlMs, ...ttls);
  return { instances: inOrder(instances), ttlMs, zone: found.zone, skipped, targets };
}

/** A target that could not be asked for. */
const ASKED_AGAIN_MS = 1000;

interface Service {
  readonly target: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

/** Services of the lowest priority: the others stand in for them, if at all. */
function sound(records: readonly Answer[], skipped: Map<string, string>): readonly Service[] {
  const services: Service[] = [];
  for (const record of records) {
    if (record.type !== "SRV") continue;
    const { target, port, priority = 0, weight = 0 } = record.data;
    // A dot alone says that there is no such service.
    if (target === "." || target === "") continue;
    const fault = port === 0 ? "its port is 0" : dnsNameFault(foldName(target));
    if (fault === undefined) services.push({ target, port, priority, weight });
    else skipped.set(`${target}:${port}`, fault);
  }
  const lowest = Math.min(...services.map((s) => s.priority));
  return services.filter((s) => s.priority === lowest);
}

async function each(
  targets: ReadonlySet<string>,
  ask: (target: string) => Promise<Addresses>,
): Promise<ReadonlyMap<string, Addresses | Error>> {
  const known = new Map<string, Addresses | Error>();
  const left = targets.values();
  const work = async (): Promise<void> => {
    for (const target of left) known.set(target, await ask(target).catch((error: Error) => error));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return known;
}

async function addressesOfTarget(
  resolver: DnsResolver,
  target: string,
  { additionals }: Found,
  signal: AbortSignal,
): Promise<Addresses> {
  for (const type of ["A", "AAAA"] as const) {
    const told = of(type, ofName(additionals, target));
    if (told.addresses.length > 0) return told;
  }
  return await addressesOf(resolver, target, signal);
}

/** IPv4, or IPv6 where there is none: a host that has both is one instance. */
async function addressesOf(resolver: DnsResolver, name: string, signal: AbortSignal): Promise<Addresses> {
  const four = await resolver.ask(name, "A", signal);
  if (four.records.length > 0) return { ...of("A", four.records), ttlMs: four.ttlMs };
  if (!four.exists) return { addresses: [], ttlMs: four.ttlMs, zone: four.zone };
  const six = await resolver.ask(name, "AAAA", signal);
  if (six.records.length > 0) return { ...of("AAAA", six.records), ttlMs: Math.min(six.ttlMs, four.ttlMs) };
  return { addresses: [], ttlMs: Math.min(four.ttlMs, six.ttlMs), zone: six.zone ?? four.zone };
}

function of(type: "A" | "AAAA", records: readonly Answer[]): Addresses {
  const addresses = new Set<string>();
  let ttlS = Number.POSITIVE_INFINITY;
  for (const record of records) {
    if (record.type !== type || typeof record.data !== "string" || isIP(record.data) === 0) continue;
    addresses.add(record.data);
    ttlS = Math.min(ttlS, ttlOf(record));
  }
  return { addresses: [...addresses], ttlMs: ttlS * 1000 };
}

function instanceAt(
  { service, version }: LookOptions,
  address: string,
  port: number,
  weight: number,
): Instance {
  const url = `tcp://${isIP(address) === 6 ? `[${address}]` : address}:${port}`;
  return {
    service,
    version,
    id: staticId(url),
    addresses: [{ protocol: "skein", url }],
    weight,
    status: "serving",
    startedAt: new Date(0).toISOString(),
    metadata: {},
  };
}

/** One of each id, by id. */
function inOrder(instances: readonly Instance[]): readonly Instance[] {
  const byId = new Map(instances.map((i) => [i.id, i]));
  return [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}
