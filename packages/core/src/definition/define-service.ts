import type { CallContext } from "../context.ts";
import type { EndpointKind } from "../endpoint.ts";
import type { StandardSchema } from "../schema.ts";
import type { SchemaInput, SchemaOutput } from "../types/predicates.ts";
import type { RpcOptions } from "./rpc-options.ts";

declare const types: unique symbol;

/**
 * An endpoint without a decorator, with or without its handler. `In`: what callers give; `Taken`: what the handler gets (the input schema's
 * output); `Given`: what it returns; `Out`: what callers get. Of streams, each is an item.
 */
export interface EndpointSpec<
  Kind extends EndpointKind = EndpointKind,
  In = never,
  Taken = unknown,
  Given = never,
  Out = unknown,
> {
  readonly kind: Kind;
  readonly options: RpcOptions;
  readonly handler: ((input: never, context: CallContext) => unknown) | undefined;
  readonly [types]?: (input: In, given: Given) => { taken: Taken; out: Out };
}

// biome-ignore lint/suspicious/noExplicitAny: any spec at all, for inference
export type AnySpec = EndpointSpec<EndpointKind, any, any, any, any>;
export type Specs = Readonly<Record<string, AnySpec>>;

/** A service by name, version and endpoints. Servable if every endpoint has a handler; else something that a class or `implement` fulfils. */
export interface ServiceContract<E extends Specs = Specs> {
  readonly name: string;
  readonly version: string;
  readonly endpoints: E;
  /** The same service with handlers. What it returns can be served. */
  implement(handlers: Handlers<E>): ServiceContract<E>;
}

type Handled<Kind extends EndpointKind, Taken, Given> = (
  input: Kind extends "client-stream" | "bidi-stream" ? AsyncIterable<Taken> : Taken,
  context: CallContext,
) => Kind extends "server-stream" | "bidi-stream" ? AsyncIterable<Given> : Promise<Given> | Given;

type HandlersOf<E> = {
  readonly [K in keyof E]: E[K] extends EndpointSpec<
    infer Kind,
    infer _In,
    infer Taken,
    infer Given,
    infer _Out
  >
    ? Handled<Kind, Taken, Given>
    : never;
};
/** What a class that fulfils a contract has: `class UserService implements Handlers<typeof UserContract>`. */
export type Handlers<C> = C extends ServiceContract<infer E> ? HandlersOf<E> : HandlersOf<C>;

interface Schemas {
  readonly input?: StandardSchema | undefined;
  readonly output?: StandardSchema | undefined;
}
type Options = Omit<RpcOptions, "kind" | "name">;
type In<O extends Schemas, Else> = O extends { readonly input: infer S extends object }
  ? SchemaInput<S>
  : Else;
type Taken<O extends Schemas, Else> = O extends { readonly input: infer S extends object }
  ? SchemaOutput<S>
  : Else;
type Given<O extends Schemas, Else> = O extends { readonly output: infer S extends object }
  ? SchemaInput<S>
  : Else;
type Out<O extends Schemas, Else> = O extends { readonly output: infer S extends object }
  ? SchemaOutput<S>
  : Else;

/** A builder for one kind of endpoint. */
export interface Builder<Kind extends EndpointKind> {
  /** From its handler alone. */
  <I = undefined, R = void>(handler: Handled<Kind, I, R>): EndpointSpec<Kind, I, I, R, R>;
  /** With options, schemas among them, and the handler. */
  <const O extends Options, I = undefined, R = void>(
    options: O,
    handler: Handled<Kind, Taken<O, I>, Given<O, R>>,
  ): EndpointSpec<Kind, In<O, I>, Taken<O, I>, Given<O, R>, Out<O, R>>;
  /** Contract first, types by schemas. */
  <
    const O extends Options & {
      readonly input: StandardSchema;
      readonly output: StandardSchema;
    },
  >(
    options: O,
  ): EndpointSpec<Kind, In<O, undefined>, Taken<O, undefined>, Given<O, void>, Out<O, void>>;
  /** Contract first, types by hand: `unary<{ id: string }, User>()`. */
  <I = undefined, R = void>(options?: Options): EndpointSpec<Kind, I, I, R, R>;
}

function builder<Kind extends EndpointKind>(kind: Kind): Builder<Kind> {
  const build = (
    first?: Options | EndpointSpec["handler"],
    second?: EndpointSpec["handler"],
  ): EndpointSpec<Kind> => {
    const options = typeof first === "function" ? {} : (first ?? {});
    return { kind, options: { ...options, kind }, handler: typeof first === "function" ? first : second };
  };
  return build as unknown as Builder<Kind>;
}

/** One input, one output. */
export const unary: Builder<"unary"> = builder("unary");
/** One input, a stream of outputs. */
export const serverStream: Builder<"server-stream"> = builder("server-stream");
/** A stream of inputs, one output. */
export const clientStream: Builder<"client-stream"> = builder("client-stream");
/** Streams both ways. */
export const bidiStream: Builder<"bidi-stream"> = builder("bidi-stream");

/**
 * A service without decorators, or a contract in a package that services and callers share:
 * `defineService("user", { getUser: unary(async ({ id }: { id: string }) => …) }, { version: "1.0.0" })`, or, without handlers,
 * `defineService("user", { getUser: unary<{ id: string }, User>({ idempotent: true }) })`, fulfilled by `.implement({ … })` or by
 * `@Service(UserContract) class UserService implements Handlers<typeof UserContract>`. Callers say `client.service(UserContract)`.
 */
export function defineService<const E extends Specs>(
  name: string,
  endpoints: E,
  options: { readonly version?: string } = {},
): ServiceContract<E> {
  const version = options.version ?? "0.0.0";
  return {
    name,
    version,
    endpoints,
    implement(handlers) {
      const given = handlers as Readonly<Record<string, EndpointSpec["handler"]>>;
      const filled = Object.entries(endpoints).map(([key, spec]) => [key, { ...spec, handler: given[key] }]);
      return defineService(name, Object.fromEntries(filled) as E, { version });
    },
  };
}
