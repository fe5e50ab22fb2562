import type { IsAny, IsContext, SchemaInput, SchemaOutput } from "../types/predicates.ts";
import type { RpcOptions } from "./rpc-options.ts";

/** Shown by the compiler where a method cannot be an endpoint. */
export interface Mismatch<Hint extends string> {
  readonly "this method cannot be an endpoint": Hint;
}

// biome-ignore lint/suspicious/noExplicitAny: any method at all
export type AnyMethod = (...args: any[]) => unknown;

type TakesStream<I> =
  IsAny<I> extends true
    ? false
    : [NonNullable<I>] extends [never]
      ? false
      : [NonNullable<I>] extends [AsyncIterable<unknown>]
        ? true
        : false;
type Item<T> =
  T extends AsyncIterable<infer I> ? I : T extends Iterable<infer I> ? (T extends string ? T : I) : T;
type Declared<O> = O extends { readonly kind: "client-stream" | "bidi-stream" } ? true : false;
type Streams<O, R> =
  IsAny<R> extends true
    ? false
    : O extends { readonly kind: "server-stream" | "bidi-stream" }
      ? true
      : R extends AsyncIterable<unknown>
        ? true
        : false;

/** `unknown` where the method may be an endpoint with these options; else a Mismatch that says why not. */
export type Verdict<O, T extends AnyMethod> = T extends (...args: infer P) => infer R
  ? [P["length"]] extends [0 | 1 | 2]
    ? IsContext<First<P>> extends true
      ? Mismatch<"the CallContext comes second: declare the input as `_: undefined` where there is none">
      : 2 extends P["length"]
        ? IsContext<Second<P>> extends true
          ? Input<O, First<P>, R>
          : Mismatch<"an endpoint takes one input; a second parameter can only be the CallContext">
        : Input<O, First<P>, R>
    : Mismatch<"an endpoint takes one input and an optional CallContext">
  : never;

type First<P extends readonly unknown[]> =
  Required<P> extends readonly [infer I, ...unknown[]] ? I : undefined;
type Second<P extends readonly unknown[]> =
  Required<P> extends readonly [unknown, infer C, ...unknown[]] ? C : undefined;

type Input<O, I, R> =
  TakesStream<I> extends true
    ? Declared<O> extends true
      ? InputSchema<O, Item<I>, R>
      : Mismatch<'it takes a stream: say so by @Rpc({ kind: "client-stream" }) or "bidi-stream"'>
    : Declared<O> extends true
      ? IsAny<I> extends true
        ? InputSchema<O, I, R>
        : Mismatch<"its kind says that it takes a stream: its input must be an AsyncIterable">
      : InputSchema<O, I, R>;

type InputSchema<O, I, R> = O extends { readonly input: infer S extends object }
  ? [SchemaOutput<S>] extends [I]
    ? OutputSchema<O, R>
    : Mismatch<"its input schema gives something else than its parameter takes">
  : OutputSchema<O, R>;

type OutputSchema<O, R> = O extends { readonly output: infer S extends object }
  ? [Streams<O, R> extends true ? Item<Awaited<R>> : Awaited<R>] extends [SchemaInput<S>]
    ? unknown
    : Mismatch<"it returns something else than its output schema takes">
  : unknown;

/** Works as a standard decorator and as a legacy one. */
export interface RpcDecorator<O extends RpcOptions> {
  <T extends AnyMethod>(
    value: T & Verdict<O, T>,
    context: ClassMethodDecoratorContext<never, T> | ClassMethodDecoratorContext<object, T>,
  ): void;
  <T extends AnyMethod>(
    target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<T> & DescriptorVerdict<O, T>,
  ): void;
}
type DescriptorVerdict<O, T extends AnyMethod> = unknown extends Verdict<O, T> ? unknown : Verdict<O, T>;
