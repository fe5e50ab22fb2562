import { isStandardSchema, type StandardSchema } from "../schema.ts";
import type { SchemaInput } from "../types/predicates.ts";
import { CODES, type Code, RpcError } from "./rpc-error.ts";

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

// What the schema takes: data is sent as it was given, and checked where it arrives.
type DataOf<S> = S extends { readonly "~standard": unknown }
  ? SchemaInput<S>
  : S extends { readonly data: infer D extends object }
    ? SchemaInput<D>
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
/** Names are sent, logged and read as properties. */
const NAME = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;
const RESERVED = new Set(["definitions", "constructor", "prototype", "then"]);

/**
 * Typed errors, in the contract that service and callers share: `defineErrors({ USER_GONE: z.object({ id: z.string() }) })`, or with a code:
 * `{ USER_GONE: { code: "NOT_FOUND", data: schema } }`. Thrown as `throw UserErrors.USER_GONE({ id })`, told apart as
 * `UserErrors.USER_GONE.is(error)`. Without a code it is FAILED_PRECONDITION.
 * @throws TypeError naming the error whose name, code or schema is none
 */
export function defineErrors<const E extends Readonly<Record<string, ErrorSpec>>>(
  specs: E,
): DefinedErrors<E> {
  const definitions = new Map<string, { code: Code; schema: StandardSchema | undefined }>();
  const kinds: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(specs)) {
    const isSchema = "~standard" in spec;
    const schema = isSchema ? spec : spec.data;
    const code = (isSchema ? undefined : spec.code) ?? DEFAULT_CODE;
    const fault = specFault(name, code, schema);
    if (fault !== undefined) throw new TypeError(`defineErrors: ${fault}`);
    definitions.set(name, { code, schema });
    kinds[name] = kind(name, code, schema);
  }
  return Object.assign(kinds, { definitions }) as unknown as DefinedErrors<E>;
}

function specFault(name: string, code: string, schema: unknown): string | undefined {
  if (!NAME.test(name) || RESERVED.has(name))
    return `"${name}" cannot be the name of an error: choose another, as in USER_GONE`;
  if (code === "OK" || !(CODES as readonly string[]).includes(code))
    return `${name} has code "${code}": give one of ${CODES.slice(1).join(", ")}`;
  if (schema !== undefined && !isStandardSchema(schema))
    return `the data of ${name} is no Standard Schema: give one of zod, valibot, arktype or the like`;
  return undefined;
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
