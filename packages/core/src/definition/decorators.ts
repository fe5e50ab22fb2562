import type { RpcDecorator } from "./checked-method.ts";
import type { ServiceContract } from "./define-service.ts";
import { readFaults, recordEndpoint, recordFault, recordService } from "./metadata-store.ts";
import type { RpcOptions } from "./rpc-options.ts";

export interface ServiceOptions {
  /** @default "0.0.0" */
  readonly version?: string | undefined;
}

/** What @Service recorded. */
export interface RecordedService {
  readonly name: string | undefined;
  readonly version: string | undefined;
  readonly contract: ServiceContract | undefined;
}

// biome-ignore lint/suspicious/noExplicitAny: any class at all
type AnyClass = abstract new (...args: any[]) => object;
export interface ServiceDecorator {
  <C extends AnyClass>(value: C, context: ClassDecoratorContext<C>): void;
  <C extends AnyClass>(target: C): void;
}

/**
 * Marks a class as a service: `@Service("user", { version: "1.0.0" })`. Without a name it takes the class's, without `Service`, in kebab-case. With a
 * contract (`@Service(UserContract)`) the class's methods are the contract's endpoints, and need no @Rpc.
 * Works as a standard decorator and with `experimentalDecorators`. Throws TypeError naming class and member for decorators in wrong places.
 */
export function Service(name?: string, options?: ServiceOptions): ServiceDecorator;
export function Service(options: ServiceOptions): ServiceDecorator;
export function Service(contract: ServiceContract): ServiceDecorator;
export function Service(
  first?: string | ServiceOptions | ServiceContract,
  options: ServiceOptions = {},
): ServiceDecorator {
  const contract = typeof first === "object" && "endpoints" in first ? first : undefined;
  const own = typeof first === "object" && contract === undefined ? (first as ServiceOptions) : options;
  const name = typeof first === "string" ? first : contract?.name;
  const version = contract?.version ?? own.version;
  return (value: AnyClass): void => {
    const fault = readFaults(value)[0];
    if (fault !== undefined) throw new TypeError(`${value.name}: ${fault}`);
    recordService(value, { name, version, contract } satisfies RecordedService);
  };
}

/**
 * Marks a method as an endpoint. It takes exactly one input (or none) and, last, an optional CallContext. Async generators are streams; methods that
 * take a stream say so by `kind`.
 */
export function Rpc<const O extends RpcOptions = Record<never, never>>(options?: O): RpcDecorator<O> {
  const decorate = (
    value: object,
    second: DecoratorContext | string | symbol,
    descriptor?: PropertyDescriptor,
  ): void => {
    if (typeof second === "object") standard(second, options ?? {});
    else legacy(value, second, descriptor, options ?? {});
  };
  return decorate as RpcDecorator<O>;
}

function standard(context: DecoratorContext, options: RpcOptions): void {
  const target = context.metadata as object | undefined;
  if (target === undefined)
    throw new TypeError(
      `@Rpc on ${String(context.name)}: the compiler gives no decorator metadata; use a newer one, or experimentalDecorators`,
    );
  const member = String(context.name);
  if (context.kind !== "method")
    recordFault(target, `@Rpc is on ${member}, which is a ${context.kind}: it belongs on a method`);
  else if (context.static)
    recordFault(target, `@Rpc is on the static method ${member}: make it a method of the instance`);
  else if (context.private) recordFault(target, `@Rpc is on the private method ${member}: make it public`);
  else if (typeof context.name === "symbol")
    recordFault(target, `@Rpc is on ${member}: an endpoint needs a name that is a string`);
  else recordEndpoint(target, member, options);
}

function legacy(
  target: object,
  key: string | symbol,
  descriptor: PropertyDescriptor | undefined,
  options: RpcOptions,
): void {
  const member = String(key);
  if (typeof target === "function")
    recordFault(target, `@Rpc is on the static method ${member}: make it a method of the instance`);
  else if (typeof key === "symbol")
    recordFault(target.constructor, `@Rpc is on ${member}: an endpoint needs a name that is a string`);
  else if (typeof descriptor?.value !== "function")
    recordFault(
      target.constructor,
      `@Rpc is on ${member}, which is a ${descriptor === undefined ? "field" : "accessor"}: it belongs on a method`,
    );
  else recordEndpoint(target.constructor, key, options);
}
