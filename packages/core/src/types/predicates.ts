import type { CallContext } from "../context.ts";

export type IsAny<T> = 0 extends 1 & T ? true : false;
/** CallContext, or CallContext | undefined. */
export type IsContext<T> =
  IsAny<T> extends true
    ? false
    : [NonNullable<T>] extends [never]
      ? false
      : [NonNullable<T>] extends [CallContext]
        ? true
        : false;

interface Typed {
  readonly "~standard": { readonly types?: unknown };
}
type TypesOf<S> = S extends Typed ? NonNullable<S["~standard"]["types"]> : never;
/** What a Standard Schema takes. */
export type SchemaInput<S> = TypesOf<S> extends { readonly input: infer I } ? I : unknown;
/** What a Standard Schema gives. */
export type SchemaOutput<S> = TypesOf<S> extends { readonly output: infer O } ? O : unknown;
