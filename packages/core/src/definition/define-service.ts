import { type Builder, builder, type EndpointSpec, type Handled, type Specs } from "./endpoint-spec.ts";

/** A service by name, version and endpoints. Servable if every endpoint has a handler; else something that a class or `implement` fulfils. */
export interface ServiceContract<E extends Specs = Specs> {
  readonly name: string;
  readonly version: string;
  readonly endpoints: E;
  /** The same service with handlers. What it returns can be served. */
  implement(handlers: Handlers<E>): ServiceContract<E>;
}

type HandlersOf<E> = {
  readonly [K in keyof E]: E[K] extends EndpointSpec<infer Kind, infer _In, infer Taken, infer Given>
    ? Handled<Kind, Taken, Given>
    : never;
};
/** What a class that fulfils a contract has: `class UserService implements Handlers<typeof UserContract>`. */
export type Handlers<C> = C extends ServiceContract<infer E> ? HandlersOf<E> : HandlersOf<C>;

/** One input, one output. */
export const unary: Builder<"unary"> = builder("unary");
/** One input, a stream of outputs. */
export const serverStream: Builder<"server-stream"> = builder("server-stream");
/** A stream of inputs, one output. */
export const clientStream: Builder<"client-stream"> = builder("client-stream");
/** Streams both ways. */
export const bidiStream: Builder<"bidi-stream"> = builder("bidi-stream");

/**
 * A service without decorators:
 * ```ts
 * const echo = defineService("echo", { say: unary(async ({ text }: { text: string }) => text) }, { version: "1.0.0" });
 * await serve(echo);
 * ```
 * Without handlers, a contract, in a file or package that services and callers share:
 * ```ts
 * export const UserContract = defineService("user", {
 *   getUser: unary({ input: z.object({ id: z.string() }), output: User, idempotent: true, errors: UserErrors }),
 *   watchUsers: serverStream<Filter, User>(), // types by hand, where nothing is to be checked at run time
 * });
 * ```
 * A service fulfils it as an object, `serve(UserContract.implement({ getUser: async ({ id }) => …, … }))`, or as a class,
 * `@Service(UserContract) class UserService implements Handlers<typeof UserContract>`; a caller needs nothing else of the service:
 * `client.service(UserContract).getUser({ id: "42" })`. Callers give what an input schema takes and get what an output schema gives; the
 * handler gets what the input schema gives and returns what the output schema takes.
 * @param options.version @default "0.0.0"
 */
export function defineService<const E extends Specs>(
  name: string,
  endpoints: E,
  options: { readonly version?: string | undefined } = {},
): ServiceContract<E> {
  const version = options.version ?? "0.0.0";
  return {
    name,
    version,
    endpoints,
    implement: (handlers) => defineService(name, filled(name, endpoints, handlers), { version }),
  };
}

function filled<E extends Specs>(name: string, endpoints: E, handlers: object): E {
  const given = handlers as Readonly<Record<string, unknown>>;
  const unknown = Object.keys(given).find((key) => !Object.hasOwn(endpoints, key));
  if (unknown !== undefined)
    throw new TypeError(
      `defineService("${name}").implement: ${unknown} is no endpoint of it: there are ${Object.keys(endpoints).join(", ")}`,
    );
  return Object.fromEntries(
    Object.entries(endpoints).map(([key, spec]) => [key, { ...spec, handler: given[key] }]),
  ) as E;
}

/** True for what defineService of any copy of this package returned. */
export function isContract(value: unknown): value is ServiceContract {
  if (typeof value !== "object" || value === null) return false;
  const { name, endpoints, implement } = value as Partial<ServiceContract>;
  return typeof name === "string" && typeof endpoints === "object" && typeof implement === "function";
}
