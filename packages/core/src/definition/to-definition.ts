import type { Endpoint, EndpointKind, ServiceDefinition } from "../endpoint.ts";
import type { StandardSchema } from "../schema.ts";
import type { RecordedService } from "./decorators.ts";
import type { ServiceContract } from "./define-service.ts";
import { readEndpoints, readFaults, readService } from "./metadata-store.ts";
import { methodNameFault, nameOfClass, serviceNameFault, versionFault } from "./names.ts";
import { optionsFault, type RpcOptions } from "./rpc-options.ts";

const LIFECYCLE = ["onStart", "onStop"];
type Method = (...args: unknown[]) => unknown;

/**
 * What can be served, made ready: an instance of a decorated class, or what defineService gave. Throws TypeError naming class, method and
 * remedy for what cannot be a service.
 */
export function toDefinition(target: object): ServiceDefinition {
  return isContract(target) ? fromContract(target) : fromInstance(target);
}

function isContract(target: object): target is ServiceContract {
  const { name, endpoints, implement } = target as Partial<ServiceContract>;
  return typeof name === "string" && typeof endpoints === "object" && typeof implement === "function";
}

function fromContract(contract: ServiceContract): ServiceDefinition {
  const label = `defineService("${contract.name}")`;
  const endpoints = new Map<string, Endpoint>();
  for (const [key, spec] of Object.entries(contract.endpoints)) {
    if (spec.handler === undefined)
      throw new TypeError(
        `${label}: ${key} has no handler: serve what implement({ ${key}: … }) returns, or a class with @Service(contract)`,
      );
    add(endpoints, label, key, spec.options, spec.kind, spec.handler as Endpoint["handler"]);
  }
  return finish(label, contract.name, contract.version, endpoints, []);
}

function fromInstance(target: object): ServiceDefinition {
  const type = target.constructor;
  if (typeof target === "function")
    throw new TypeError(
      `${(target as { name: string }).name || "a class"} is a class: serve an instance of it, as in serve(new ${(target as { name: string }).name || "It"}())`,
    );
  const label = type?.name || "an object";
  const fault = typeof type === "function" ? readFaults(type)[0] : undefined;
  if (fault !== undefined) throw new TypeError(`${label}: ${fault}`);
  const service = typeof type === "function" ? (readService(type) as RecordedService | undefined) : undefined;
  if (service === undefined)
    throw new TypeError(
      `${label} is not a service: put @Service() on its class, or build it with defineService()`,
    );
  const { contract } = service;
  const members = contract === undefined ? readEndpoints(type) : contractMembers(contract);
  const endpoints = new Map<string, Endpoint>();
  for (const [key, options] of members) {
    const method = (target as Record<string, unknown>)[key];
    if (typeof method !== "function")
      throw new TypeError(`${label}: ${key} is an endpoint of its contract and no method of it: write it`);
    const kind = (options as RpcOptions).kind ?? detect(method as Method);
    add(endpoints, label, key, options, kind, (input, context) =>
      (method as Method).call(target, input, context),
    );
  }
  return finish(
    label,
    service.name ?? nameOfClass(label),
    service.version ?? "0.0.0",
    endpoints,
    undecorated(target, members, label),
    target,
  );
}

function contractMembers(contract: ServiceContract): Map<string, RpcOptions> {
  return new Map(Object.entries(contract.endpoints).map(([key, spec]) => [key, spec.options]));
}

/** Async generators are streams; what merely returns an iterable has to say so. */
function detect(method: Method): EndpointKind {
  return Object.prototype.toString.call(method) === "[object AsyncGeneratorFunction]"
    ? "server-stream"
    : "unary";
}

function add(
  endpoints: Map<string, Endpoint>,
  label: string,
  key: string,
  options: RpcOptions,
  kind: EndpointKind,
  handler: Endpoint["handler"],
): void {
  const name = options.name ?? key;
  const fault = methodNameFault(name);
  if (fault !== undefined) throw new TypeError(`${label}.${key}: ${fault}`);
  const wrong = optionsFault(options);
  if (wrong !== undefined) throw new TypeError(`${label}.${key} ${wrong}`);
  if (endpoints.has(name))
    throw new TypeError(
      `${label}.${key}: there is another endpoint "${name}": give one of them another name`,
    );
  endpoints.set(name, {
    name,
    kind,
    idempotent: options.idempotent ?? false,
    timeoutMs: options.timeoutMs,
    priority: options.priority ?? "normal",
    input: options.input as StandardSchema | undefined,
    output: options.output as StandardSchema | undefined,
    errors: options.errors,
    handler,
  });
}

function finish(
  label: string,
  name: string,
  version: string,
  endpoints: ReadonlyMap<string, Endpoint>,
  warnings: readonly string[],
  target?: object,
): ServiceDefinition {
  const fault = serviceNameFault(name) ?? versionFault(version);
  if (fault !== undefined) throw new TypeError(`${label}: ${fault}`);
  if (endpoints.size === 0)
    throw new TypeError(`${label} has no endpoints: put @Rpc() on the methods that callers may call`);
  const hook = (key: string): (() => unknown) | undefined => {
    const method = (target as Record<string, unknown> | undefined)?.[key];
    return typeof method === "function" ? () => (method as Method).call(target) : undefined;
  };
  return { name, version, label, endpoints, warnings, onStart: hook("onStart"), onStop: hook("onStop") };
}

/** Public methods that no caller can reach: perhaps a decorator was forgotten. */
function undecorated(target: object, members: ReadonlyMap<string, unknown>, label: string): string[] {
  const names = new Set<string>();
  for (
    let p = Object.getPrototypeOf(target) as object | null;
    p !== null && p !== Object.prototype;
    p = Object.getPrototypeOf(p) as object | null
  )
    for (const key of Object.getOwnPropertyNames(p)) {
      const isMethod = typeof Object.getOwnPropertyDescriptor(p, key)?.value === "function";
      if (
        isMethod &&
        key !== "constructor" &&
        !key.startsWith("_") &&
        !LIFECYCLE.includes(key) &&
        !members.has(key)
      )
        names.add(key);
    }
  return [...names].map(
    (key) =>
      `${label}.${key} is public and has no @Rpc(): callers cannot call it (decorate it, or make it private)`,
  );
}
