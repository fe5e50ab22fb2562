import type { ServiceContract } from "../definition/define-service.ts";
import type { EndpointSpec } from "../definition/endpoint-spec.ts";
import type { CallOptions } from "./call-options.ts";
import type { IsAny, IsContext } from "./predicates.ts";

declare const internalBrand: unique symbol;
/** Return type of a public method that is no endpoint: it leaves the client's type without being `private`. */
export type Internal<T = void> = T & { readonly [internalBrand]?: true };

type LifecycleKey = "onStart" | "onStop";
type HasInternal<R> =
  IsAny<Awaited<R>> extends true
    ? false
    : [Awaited<R>] extends [never]
      ? false
      : typeof internalBrand extends keyof Awaited<R>
        ? true
        : false;

/** Names of S's endpoints, as far as a type can tell: public methods that are not lifecycle and not Internal. Private ones leave by themselves. */
type EndpointKeys<S> = {
  [K in keyof S]: K extends string
    ? K extends LifecycleKey
      ? never
      : S[K] extends (...args: never) => infer R
        ? HasInternal<R> extends true
          ? never
          : K
        : never
    : never;
}[keyof S] &
  string;

/** What the caller gives: the first parameter (none, optional, or needed), then options. */
type CallArguments<P extends readonly unknown[]> = P extends readonly []
  ? NoInput
  : Required<P> extends readonly [infer I, ...unknown[]]
    ? IsContext<I> extends true
      ? NoInput
      : P extends readonly [unknown, ...unknown[]]
        ? Arguments<P[0]>
        : [input?: Sendable<I> | undefined, options?: CallOptions]
    : NoInput;
type NoInput = [input?: undefined, options?: CallOptions];
type Arguments<I> = undefined extends I
  ? [input?: Sendable<I> | undefined, options?: CallOptions]
  : [input: Sendable<I>, options?: CallOptions];

/** Where the service takes a stream, any iterable will do. */
type Sendable<I> =
  IsAny<I> extends true ? I : I extends AsyncIterable<infer T> ? AsyncIterable<T> | Iterable<T> : I;

type CallReturn<R> =
  IsAny<Awaited<R>> extends true
    ? Promise<Awaited<R>>
    : [Awaited<R>] extends [never]
      ? Promise<never>
      : Awaited<R> extends AsyncIterable<infer T>
        ? AsyncIterable<T>
        : Promise<Awaited<R>>;

/** A service's class or interface, seen from a client. */
type ClassMethods<S> = {
  readonly [K in EndpointKeys<S>]: S[K] extends (...args: infer P) => infer R
    ? (...args: CallArguments<P>) => CallReturn<R>
    : never;
};

type SpecMethod<E> =
  E extends EndpointSpec<infer Kind, infer In, infer _Taken, infer _Given, infer Out>
    ? (
        ...args: Kind extends "client-stream" | "bidi-stream"
          ? [input: AsyncIterable<In> | Iterable<In>, options?: CallOptions]
          : Arguments<In>
      ) => Kind extends "server-stream" | "bidi-stream" ? AsyncIterable<Out> : Promise<Out>
    : never;

/** A contract, seen from a client. */
type ContractMethods<E> = { readonly [K in keyof E & string]: SpecMethod<E[K]> };

/** Of a service that nothing is known of, `ServiceClient<any>`: for tools. */
type UntypedMethods = Readonly<
  Record<string, (input?: unknown, options?: CallOptions) => Promise<unknown> & AsyncIterable<unknown>>
>;

/** The methods that a client of S has, S being a service's class, an interface of methods, or the type of a contract. */
export type ServiceMethods<S> =
  IsAny<S> extends true
    ? UntypedMethods
    : S extends ServiceContract<infer E>
      ? ContractMethods<E>
      : ClassMethods<S>;

type ArgumentsOf<F> = F extends (...args: infer P) => unknown ? P : never;
type ReturnOf<F> = F extends (...args: never) => infer R ? R : never;

/** What `client.service()` gives: the methods, and the same road by name. */
export type ServiceClient<S> = ServiceMethods<S> & {
  call<K extends keyof ServiceMethods<S> & string>(
    method: K,
    ...args: ArgumentsOf<ServiceMethods<S>[K]>
  ): ReturnOf<ServiceMethods<S>[K]>;
};
