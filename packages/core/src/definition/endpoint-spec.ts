import type { CallContext } from "../context.ts";
import type { EndpointKind } from "../endpoint.ts";
import type { SchemaInput, SchemaOutput } from "../types/predicates.ts";
import type { RpcOptions } from "./rpc-options.ts";

declare const types: unique symbol;

/** Any endpoint of defineService. Without the types of what it takes: inference must not find any here. */
export interface AnySpec {
  readonly kind: EndpointKind;
  readonly options: RpcOptions;
  readonly handler: ((input: never, context: CallContext) => unknown) | undefined;
}
export type Specs = Readonly<Record<string, AnySpec>>;

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
> extends AnySpec {
  readonly kind: Kind;
  readonly [types]?: (input: In, given: Given) => { taken: Taken; out: Out };
}

/** An endpoint's handler. The context may be left out. */
export type Handled<Kind, Taken, Given> = (
  input: Kind extends "client-stream" | "bidi-stream" ? AsyncIterable<Taken> : Taken,
  context: CallContext,
) => Kind extends "server-stream" | "bidi-stream" ? AsyncIterable<Given> : Promise<Given> | Given;

type Options = Omit<RpcOptions, "kind" | "name">;
type WithoutSchemas = Omit<Options, "input" | "output"> & {
  readonly input?: undefined;
  readonly output?: undefined;
};
type InputOf<O, Else> = O extends { readonly input: infer S extends object } ? SchemaInput<S> : Else;
type TakenOf<O, Else> = O extends { readonly input: infer S extends object } ? SchemaOutput<S> : Else;
type GivenOf<O, Else> = O extends { readonly output: infer S extends object } ? SchemaInput<S> : Else;
type OutputOf<O, Else> = O extends { readonly output: infer S extends object } ? SchemaOutput<S> : Else;
type SpecOf<Kind extends EndpointKind, O, I, R> = EndpointSpec<
  Kind,
  InputOf<O, I>,
  TakenOf<O, I>,
  GivenOf<O, R>,
  OutputOf<O, R>
>;

/** A builder for one kind of endpoint. What it is not told does not exist: without input type or schema it takes no input, without output it gives none. */
export interface Builder<Kind extends EndpointKind> {
  /** From its handler alone. */
  <I = undefined, R = void>(handler: Handled<Kind, I, R>): EndpointSpec<Kind, I, I, R, R>;
  /** With options, schemas among them, and the handler. */
  <const O extends Options, I = undefined, R = void>(
    options: O,
    handler: Handled<Kind, TakenOf<O, I>, GivenOf<O, R>>,
  ): SpecOf<Kind, O, I, R>;
  /** Contract first, types by schemas. */
  <const O extends Options = Record<never, never>>(options?: O): SpecOf<Kind, O, undefined, void>;
  /** Contract first, types by hand: `unary<{ id: string }, User>()`. */
  <I, R>(options?: WithoutSchemas): EndpointSpec<Kind, I, I, R, R>;
}

export function builder<Kind extends EndpointKind>(kind: Kind): Builder<Kind> {
  const build = (first?: Options | AnySpec["handler"], second?: AnySpec["handler"]): EndpointSpec<Kind> => {
    const options = typeof first === "function" ? {} : (first ?? {});
    return { kind, options: { ...options, kind }, handler: typeof first === "function" ? first : second };
  };
  return build as unknown as Builder<Kind>;
}
