import type { Endpoint, ServiceDefinition } from "../endpoint.ts";
import { createEndpoint } from "./create-endpoint.ts";
import type { RecordedService } from "./decorators.ts";
import { isContract, type ServiceContract } from "./define-service.ts";
import { readEndpoints, readFaults, readHandlers, readService } from "./metadata-store.ts";
import { nameOfClass, serviceNameFault, versionFault } from "./names.ts";
import type { RpcOptions } from "./rpc-options.ts";
import { toHandlers } from "./to-handlers.ts";
import { undecoratedMethods } from "./undecorated.ts";

const DEFAULT_VERSION = "0.0.0";
type Method = (...args: unknown[]) => unknown;

/**
 * What can be served, made ready: an instance of a decorated class, or what defineService gave.
 * @throws TypeError naming class, method and remedy for what cannot be a service
 */
export function toDefinition(target: object): ServiceDefinition {
  if (typeof target === "function") throw new TypeError(classGiven(target));
  if (typeof target !== "object" || target === null)
    throw new TypeError(`${String(target)} cannot be served: give an instance of a class with @Service()`);
  return isContract(target) ? fromContract(target) : fromInstance(target);
}

function classGiven(type: object): string {
  const name = nameOf(type);
  return `${name || "a class"} is a class: serve an instance of it, as in serve(new ${name || "It"}())`;
}

function nameOf(type: object | undefined): string {
  const name = (type as { name?: unknown } | undefined)?.name;
  return typeof name === "string" ? name : "";
}

function fromContract(contract: ServiceContract): ServiceDefinition {
  const { name, version } = contract;
  const label = `defineService("${name}")`;
  checkNames(label, name, version);
  const all = new Map<string, Endpoint>();
  for (const [key, { options, handler }] of Object.entries(contract.endpoints)) {
    if (typeof handler !== "function")
      throw new TypeError(
        `${label}: ${key} has no handler: serve what implement({ ${key}: … }) returns, or a class with @Service(contract)`,
      );
    all.set(key, createEndpoint(`${label}: ${key}`, key, options, handler, handler as Endpoint["handler"]));
  }
  return { name, version, label, endpoints: byName(label, all, false), warnings: [] };
}

function fromInstance(target: object): ServiceDefinition {
  const type = target.constructor as object | undefined;
  const label = nameOf(type) || "an object";
  const found = typeof type === "function" ? readService(type) : undefined;
  if (typeof type !== "function" || found === undefined)
    throw new TypeError(
      `${label} is not a service: put @Service() on its class, or build it with defineService()`,
    );
  const fault = readFaults(type)[0];
  if (fault !== undefined) throw new TypeError(`${label}: ${fault}`);
  const service = found.service as RecordedService;
  const name = service.name ?? nameOfClass(nameOf(found.owner));
  const version = service.version ?? DEFAULT_VERSION;
  checkNames(label, name, version);
  const members = membersOf(label, type, service.contract);
  const all = new Map<string, Endpoint>();
  for (const [key, options] of members) all.set(key, ofInstance(label, target, key, options));
  const handlers = toHandlers(label, target, type, name);
  return {
    name,
    version,
    label,
    endpoints: byName(label, all, handlers.length > 0),
    ...(handlers.length > 0 && { handlers }),
    warnings: undecoratedMethods(target, new Set([...members.keys(), ...readHandlers(type).keys()])).map(
      (key) => warning(label, key, service.contract),
    ),
    onStart: hook(target, "onStart"),
    onStop: hook(target, "onStop"),
  };
}

function membersOf(
  label: string,
  type: object,
  contract: ServiceContract | undefined,
): ReadonlyMap<string, RpcOptions> {
  const decorated = readEndpoints(type) as Map<string, RpcOptions>;
  if (contract === undefined) return decorated;
  const [key] = decorated.keys();
  if (key !== undefined)
    throw new TypeError(
      `${label}.${key} has @Rpc and its class a contract: what the contract says of ${key} holds; take @Rpc away`,
    );
  return new Map(Object.entries(contract.endpoints).map(([key, spec]) => [key, spec.options]));
}

function ofInstance(label: string, target: object, key: string, options: RpcOptions): Endpoint {
  const method = (target as Record<string, unknown>)[key];
  if (typeof method !== "function")
    throw new TypeError(`${label}: ${key} is an endpoint of its contract and no method of it: write it`);
  return createEndpoint(`${label}.${key}`, key, options, method, (input, context) =>
    (method as Method).call(target, input, context),
  );
}

function byName(
  label: string,
  endpoints: ReadonlyMap<string, Endpoint>,
  handlesEvents: boolean,
): ReadonlyMap<string, Endpoint> {
  const keys = new Map<string, string>();
  for (const [key, { name }] of endpoints) {
    const other = keys.get(name);
    if (other !== undefined)
      throw new TypeError(`${label}: ${other} and ${key} are both "${name}": give one of them another name`);
    keys.set(name, key);
  }
  if (keys.size === 0 && !handlesEvents)
    throw new TypeError(
      `${label} has no endpoints: put @Rpc() on the methods that callers may call, or @On("user.created") on those that handle events`,
    );
  return new Map([...endpoints.values()].map((endpoint) => [endpoint.name, endpoint]));
}

function checkNames(label: string, name: string, version: string): void {
  const fault = serviceNameFault(name) ?? versionFault(version);
  if (fault !== undefined) throw new TypeError(`${label}: ${fault}`);
}

function warning(label: string, key: string, contract: ServiceContract | undefined): string {
  return contract === undefined
    ? `${label}.${key} is public and has no @Rpc(): callers cannot call it (decorate it, or call it #${key} or _${key})`
    : `${label}.${key} is public and not in its contract: callers cannot call it (put it there, or call it #${key} or _${key})`;
}

function hook(target: object, key: "onStart" | "onStop"): (() => unknown) | undefined {
  const method = (target as Record<string, unknown>)[key];
  return typeof method === "function" ? () => (method as Method).call(target) : undefined;
}
