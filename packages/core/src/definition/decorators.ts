import type { RpcDecorator } from "./checked-method.ts";
import { memberDecorator } from "./decorated-member.ts";
import { type Handlers, isContract, type ServiceContract } from "./define-service.ts";
import { recordEndpoint, recordService } from "./metadata-store.ts";
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

// biome-ignore lint/suspicious/noExplicitAny: whatever its constructor takes
type ClassOf<Instance> = abstract new (...args: any[]) => Instance;
/** Works as a standard decorator and as a legacy one, on classes whose instances are an `Instance`. */
export interface ServiceDecorator<Instance = object> {
  <C extends ClassOf<Instance>>(value: C, context: ClassDecoratorContext<C>): void;
  <C extends ClassOf<Instance>>(target: C): void;
}

/**
 * Marks a class as a service: `@Service("user", { version: "1.0.0" })`. Without a name it takes the class's, without `Service`, in kebab-case (give
 * one where class names are minified). With a contract (`@Service(UserContract)`) the class's methods are the contract's endpoints, and take no @Rpc.
 * Works as a standard decorator and with `experimentalDecorators`. What is wrong with the class is said when it is served (`toDefinition`).
 * @throws TypeError without parentheses, and for an unknown option
 */
export function Service<C extends ServiceContract>(contract: C): ServiceDecorator<Handlers<C>>;
export function Service(name?: string, options?: ServiceOptions): ServiceDecorator;
export function Service(options: ServiceOptions): ServiceDecorator;
export function Service(
  first?: string | ServiceOptions | ServiceContract,
  second: ServiceOptions = {},
): ServiceDecorator {
  if (typeof first === "function") throw new TypeError("@Service needs parentheses: @Service()");
  const contract = isContract(first) ? first : undefined;
  const options = typeof first === "object" && contract === undefined ? (first as ServiceOptions) : second;
  for (const option of Object.keys(options))
    if (option !== "version")
      throw new TypeError(`@Service has no option "${option}": write @Service("name", { version })`);
  const name = typeof first === "string" ? first : contract?.name;
  const version = contract?.version ?? options.version;
  return (value: object): void => {
    recordService(value, { name, version, contract } satisfies RecordedService);
  };
}

/**
 * Marks a method as an endpoint. It takes exactly one input (or none) and, last, an optional CallContext. Async generators are streams of outputs;
 * methods that take a stream, or return one that they did not generate, say so by `kind`.
 * Works as a standard decorator and with `experimentalDecorators`. A decorator in a wrong place is refused when the class is served.
 * @throws TypeError without parentheses
 */
export function Rpc<const O extends RpcOptions = Record<never, never>>(options?: O): RpcDecorator<O>;
export function Rpc(options: RpcOptions = {}, ...more: unknown[]): RpcDecorator<RpcOptions> {
  if (more.length > 0) throw new TypeError("@Rpc needs parentheses: @Rpc()");
  return memberDecorator("@Rpc", "an endpoint", (target, key) =>
    recordEndpoint(target, key, options) ? undefined : `@Rpc is on ${key} twice: once is enough`,
  ) as RpcDecorator<RpcOptions>;
}
