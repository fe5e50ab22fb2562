import type { EndpointSpec, ServiceContract } from "../definition/define-service.ts";
import type { CallOptions } from "./call-options.ts";
import type { IsAny, IsContext } from "./predicates.ts";

declare const internalBrand: unique symbol;
/** Return type of a public method that is no endpoint: it leaves the client's type without being `private`. */
export type Internal<T = void> = T & { readonly [internalBrand]?: true };

type LifecycleKey = "onStart" | "onStop";
type HasInternal<R> =
  IsAny<Awaited<R>> extends true ? false : typeof internalBrand extends keyof Awaited<R> ? true : false;

/** Names of S's endpoints, as far as a type can tell: public methods that are not lifecycle and not Internal. Private ones leave by themselves. */
export type EndpointKeys<S> = {
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
  ? [input?: undefined, options?: CallOptions]
  : P extends readonly [infer I, ...unknown[]]
    ? IsContext<I> extends true
      ? [input?: undefined, options?: CallOptions]
      : [input: Sendable<I>, options?: CallOptions]
    : P extends readonly [(infer I)?, ...unknown[]]
      ? IsContext<I> extends true
        ? [input?: undefined, options?: CallOptions]
        : [input?: Sendable<I>, options?: CallOptions]
      : [input?: undefined, options?: CallOptions];

/** Where the service takes a stream, any iterable will do. */
type Sendable<I> =
  IsAny<I> extends true ? I : I extends AsyncIterable<infer T> ? AsyncIterable<T> | Iterable<T> : I;

type CallReturn<R> =
  IsAny<R> extends true
    ? Promise<Awaited<R>>
    : Awaited<R> extends AsyncIterable<infer T>
      ? AsyncIterable<T>
      : Promise<Awaited<R>>;

/** A service's class, seen from a client. */
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
          : undefined extends In
            ? [input?: In, options?: CallOptions]
            : [input: In, options?: CallOptions]
      ) => Kind extends "server-stream" | "bidi-stream" ? AsyncIterable<Out> : Promise<Out>
    : never;

/** A contract, seen from a client. */
type ContractMethods<E> = { readonly [K in keyof E & string]: SpecMethod<E[K]> };

/** The methods that a client of S has, S being a service's class or the type of a contract. */
export type ServiceMethods<S> = S extends ServiceContract<infer E> ? ContractMethods<E> : ClassMethods<S>;

type Arguments<F> = F extends (...args: infer P) => unknown ? P : never;
type Return<F> = F extends (...args: never) => infer R ? R : never;

/** What `client.service()` gives: the methods, and the same road by name. */
export type ServiceClient<S> = ServiceMethods<S> & {
  call<K extends keyof ServiceMethods<S> & string>(
    method: K,
    ...args: Arguments<ServiceMethods<S>[K]>
  ): Return<ServiceMethods<S>[K]>;
};
