import "reflect-metadata";

/**
 * Where decorators keep what they are told: reflect-metadata, under keys of our own. They are texts, so that two copies of this package in one
 * process read each other's. `design:*` is never looked at: most compilers do not emit it.
 */
const ENDPOINTS = "skein:endpoints";
const HANDLERS = "skein:handlers";
const FAULTS = "skein:faults";
const SERVICE = "skein:service";

// The helpers that compilers put in for standard decorators look for it, and give no metadata without it: it must be there before the first
// decorated class is evaluated, which our own decorators make sure of by being imported.
const symbols = Symbol as { metadata?: symbol };
symbols.metadata ??= Symbol.for("Symbol.metadata");
const METADATA: symbol = symbols.metadata;

/** What to attach to: a class (legacy decorators) or the metadata object that its standard decorators share. */
export type MetadataTarget = object;

/** False when that class has recorded the method before. */
export function recordEndpoint(target: MetadataTarget, key: string, options: object): boolean {
  const own =
    (Reflect.getOwnMetadata(ENDPOINTS, target) as Map<string, object> | undefined) ??
    new Map<string, object>();
  const isNew = !own.has(key);
  Reflect.defineMetadata(ENDPOINTS, own.set(key, options), target);
  return isNew;
}

/** A method may handle several events. False when that class has recorded the method for the event before. */
export function recordHandler(
  target: MetadataTarget,
  key: string,
  handler: { readonly name: string },
): boolean {
  const all = (Reflect.getOwnMetadata(HANDLERS, target) as Handlers | undefined) ?? (new Map() as Handlers);
  const own = all.get(key) ?? [];
  if (own.some(({ name }) => name === handler.name)) return false;
  // Decorators are applied from the last one to the first.
  Reflect.defineMetadata(HANDLERS, all.set(key, [handler, ...own]), target);
  return true;
}
type Handlers = Map<string, readonly { readonly name: string }[]>;

/** Said when the class is complete and can be named. */
export function recordFault(target: MetadataTarget, fault: string): void {
  const own = (Reflect.getOwnMetadata(FAULTS, target) as string[] | undefined) ?? [];
  Reflect.defineMetadata(FAULTS, [...own, fault], target);
}

export function recordService(target: MetadataTarget, service: object): void {
  Reflect.defineMetadata(SERVICE, service, target);
}

/** A class's own targets: itself, and the object that standard decorators wrote to. */
function targetsOf(type: object): MetadataTarget[] {
  const shared = Object.hasOwn(type, METADATA) ? (type as Record<symbol, unknown>)[METADATA] : undefined;
  return typeof shared === "object" && shared !== null ? [type, shared] : [type];
}

function chainOf(type: object): object[] {
  const chain: object[] = [];
  for (
    let c: object | null = type;
    c !== null && c !== Function.prototype;
    c = Object.getPrototypeOf(c) as object | null
  )
    chain.unshift(c);
  return chain;
}

/** By property key: those of base classes first, replaced by those of derived ones. */
export function readEndpoints(type: object): Map<string, object> {
  return readMembers(ENDPOINTS, type);
}

/** As readEndpoints: the events that each method handles. */
export function readHandlers(type: object): Map<string, readonly object[]> {
  return readMembers(HANDLERS, type) as Map<string, readonly object[]>;
}

function readMembers(where: string, type: object): Map<string, object> {
  const all = new Map<string, object>();
  for (const target of chainOf(type).flatMap(targetsOf))
    for (const [key, value] of (Reflect.getOwnMetadata(where, target) as Map<string, object> | undefined) ??
      [])
      all.set(key, value);
  return all;
}

export function readFaults(type: object): string[] {
  return chainOf(type)
    .flatMap(targetsOf)
    .flatMap((target) => (Reflect.getOwnMetadata(FAULTS, target) as string[] | undefined) ?? []);
}

/** The nearest class's, and that class; undefined when none is decorated. */
export function readService(type: object): { readonly owner: object; readonly service: object } | undefined {
  for (const owner of chainOf(type).reverse()) {
    const service = Reflect.getOwnMetadata(SERVICE, owner) as object | undefined;
    if (service !== undefined) return { owner, service };
  }
  return undefined;
}
