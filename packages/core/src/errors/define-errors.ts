import type { StandardSchema } from "../schema.ts";
import { type Code, RpcError } from "./rpc-error.ts";

/** What an endpoint's `errors` names: the set made by defineErrors. */
export interface ErrorsContract {
  readonly definitions: ReadonlyMap<
    string,
    { readonly code: Code; readonly schema: StandardSchema | undefined }
  >;
}

/** A kind of error by the schema of its data, its code, or both. */
export type ErrorSpec =
  | StandardSchema
  | { readonly code?: Code | undefined; readonly data?: StandardSchema | undefined };

type SchemaOf<S> = S extends { readonly "~standard": unknown }
  ? S
  : S extends { readonly data: infer D extends object }
    ? D
    : undefined;
type DataOf<S> =
  SchemaOf<S> extends { readonly "~standard": { readonly types?: infer T } }
    ? NonNullable<T> extends { readonly output: infer O }
      ? O
      : unknown
    : undefined;

/** An RpcError whose type and data are known. */
export type TypedError<Name extends string, Data> = RpcError & {
  readonly type: Name;
  readonly details: Data;
};

export interface ErrorKind<Name extends string, Data> {
  /** Makes one, to be thrown. */
  (
    ...args: undefined extends Data ? [data?: Data, message?: string] : [data: Data, message?: string]
  ): TypedError<Name, Data>;
  /** True, and narrowing, for one that was thrown here or by a service, in this process or another. */
  is(error: unknown): error is TypedError<Name, Data>;
}

export type DefinedErrors<E extends Readonly<Record<string, ErrorSpec>>> = {
  readonly [Name in keyof E & string]: ErrorKind<Name, DataOf<E[Name]>>;
} & ErrorsContract;

const DEFAULT_CODE: Code = "FAILED_PRECONDITION";

/**
 * Typed errors, in the contract that service and callers share: `defineErrors({ USER_GONE: z.object({ id: z.string() }) })`, or with a code:
 * `{ USER_GONE: { code: "NOT_FOUND", data: schema } }`. Thrown as `throw UserErrors.USER_GONE({ id })`, told apart as
 * `UserErrors.USER_GONE.is(error)`. @throws TypeError for a name that is taken (`definitions`)
 */
export function defineErrors<const E extends Readonly<Record<string, ErrorSpec>>>(
  specs: E,
): DefinedErrors<E> {
  const definitions = new Map<string, { code: Code; schema: StandardSchema | undefined }>();
  const kinds: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(specs)) {
    if (name === "definitions")
      throw new TypeError('"definitions" cannot be the name of an error: choose another');
    const schema = ("~standard" in spec ? spec : spec.data) as StandardSchema | undefined;
    const code = ("~standard" in spec ? undefined : spec.code) ?? DEFAULT_CODE;
    definitions.set(name, { code, schema });
    kinds[name] = kind(name, code, schema);
  }
  return Object.assign(kinds, { definitions }) as unknown as DefinedErrors<E>;
}

function kind(name: string, code: Code, schema: StandardSchema | undefined): unknown {
  const make = (data?: unknown, message = name.toLowerCase().replaceAll("_", " ")): RpcError =>
    new RpcError(code, message, { type: name, details: data, executed: "yes" });
  const is = (error: unknown): boolean =>
    RpcError.is(error) && error.type === name && fits(schema, error.details);
  return Object.assign(make, { is });
}

/** Data that came over the wire is checked where that can be done at once. */
function fits(schema: StandardSchema | undefined, data: unknown): boolean {
  if (schema === undefined) return true;
  const result = schema["~standard"].validate(data);
  return result instanceof Promise || result.issues === undefined;
}
