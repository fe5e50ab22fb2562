import type { IsAny, IsContext, SchemaInput, SchemaOutput } from "../types/predicates.ts";
import type { RpcOptions } from "./rpc-options.ts";

/** Shown by the compiler where a method cannot be an endpoint. */
export interface Mismatch<Hint extends string> {
  readonly "this method cannot be an endpoint": Hint;
}

// biome-ignore lint/suspicious/noExplicitAny: any method at all
export type AnyMethod = (...args: any[]) => unknown;

/** `unknown` where the method may be an endpoint with these options; else a Mismatch that says why not. */
export type Verdict<O, T extends AnyMethod> = T extends (...args: infer P) => infer R
  ? Said<Or<ParametersFault<P>, Or<InputFault<O, First<P>>, OutputFault<O, R>>>>
  : never;

// A fault is a hint; `never` is none.
type Or<First, Second> = [First] extends [never] ? Second : First;
type Said<Fault> = [Fault] extends [never] ? unknown : Mismatch<Extract<Fault, string>>;

type First<P extends readonly unknown[]> =
  Required<P> extends readonly [infer I, ...unknown[]] ? I : undefined;

type ParametersFault<P extends readonly unknown[]> =
  Required<P> extends readonly []
    ? never
    : Required<P> extends readonly [infer I, (infer C)?]
      ? IsContext<I> extends true
        ? "the CallContext comes second: declare the input as `_: undefined` where there is none"
        : Required<P>["length"] extends 1
          ? never
          : IsContext<C> extends true
            ? never
            : "an endpoint takes one input; a second parameter can only be the CallContext"
      : "an endpoint takes one input and an optional CallContext";

type DeclaredKind<O> = O extends { readonly kind: infer Kind } ? Kind : undefined;
type TakesStream<O> = DeclaredKind<O> extends "client-stream" | "bidi-stream" ? true : false;
type GivesStream<O> = DeclaredKind<O> extends "server-stream" | "bidi-stream" ? true : false;
type IsStream<T> = [T] extends [never] ? false : [T] extends [AsyncIterable<unknown>] ? true : false;
type ItemOf<T> = T extends AsyncIterable<infer Item> ? Item : T;

type InputFault<O, I> =
  IsAny<I> extends true
    ? never
    : IsStream<NonNullable<I>> extends true
      ? TakesStream<O> extends true
        ? InputSchemaFault<O, ItemOf<NonNullable<I>>>
        : 'it takes a stream: say so by @Rpc({ kind: "client-stream" }) or @Rpc({ kind: "bidi-stream" })'
      : TakesStream<O> extends true
        ? "its kind says that it takes a stream: its input must be an AsyncIterable"
        : InputSchemaFault<O, I>;

// A class's client sends what the parameter takes: a schema that takes something else is for contracts, which know both.
type InputSchemaFault<O, I> = O extends { readonly input: infer S extends object }
  ? [SchemaOutput<S>] extends [I]
    ? [I] extends [SchemaInput<S>]
      ? never
      : "its callers send what its parameter takes, and its input schema takes something else: use a contract (defineService)"
    : "its input schema gives something else than its parameter takes"
  : never;

type OutputFault<O, R> =
  IsAny<Awaited<R>> extends true
    ? never
    : IsStream<Awaited<R>> extends true
      ? GivesStream<O> extends true
        ? OutputSchemaFault<O, ItemOf<Awaited<R>>>
        : TakesStream<O> extends true
          ? 'it takes a stream and gives one: its kind is "bidi-stream"'
          : DeclaredKind<O> extends "unary"
            ? 'it gives a stream: its kind is "server-stream"'
            : R extends AsyncGenerator
              ? OutputSchemaFault<O, ItemOf<R>>
              : 'it gives a stream: declare that it returns an AsyncGenerator, or, where it is none, say so by @Rpc({ kind: "server-stream" })'
      : GivesStream<O> extends true
        ? "its kind says that it gives a stream: it must return an AsyncIterable"
        : R extends Generator
          ? "its generator must be an async one: `async *`"
          : OutputSchemaFault<O, Awaited<R>>;

// A class's client gets what the method returns: a schema that makes something else of it is for contracts, which know both.
type OutputSchemaFault<O, G> = O extends { readonly output: infer S extends object }
  ? [G] extends [SchemaInput<S>]
    ? [SchemaInput<S>, KeyOfEach<G>] extends [SchemaOutput<S>, KeyOfEach<SchemaOutput<S>>]
      ? never
      : [SchemaOutput<S>] extends [G]
        ? never
        : "its callers get what its output schema gives, and it returns something else, or more fields: use a contract (defineService), or declare what it returns"
    : "it returns something else than its output schema takes"
  : never;
type KeyOfEach<T> = T extends unknown ? keyof T : never;

/** Works as a standard decorator and as a legacy one. */
export interface RpcDecorator<O extends RpcOptions> {
  <T extends AnyMethod>(
    value: T & Verdict<O, T>,
    context: (ClassMethodDecoratorContext<never, T> | ClassMethodDecoratorContext<object, T>) & {
      readonly name: string;
      readonly static: false;
      readonly private: false;
    },
  ): void;
  <T extends AnyMethod>(
    target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<T> & Verdict<O, T>,
  ): void;
}
