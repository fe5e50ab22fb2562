import { isStandardSchema, type StandardSchema } from "../schema.ts";
import type { SchemaInput, SchemaOutput } from "../types/predicates.ts";
import { eventNameFault } from "./event-names.ts";

declare const types: unique symbol;

/** Any event of defineEvents, without its types. */
export interface AnyEvent {
  readonly name: string;
  readonly schema: StandardSchema;
}

/** An event whose payload is checked. `In`: what is published; `Out`: what handlers get (the schema's output). */
export interface DefinedEvent<Name extends string = string, In = never, Out = unknown> extends AnyEvent {
  readonly name: Name;
  readonly [types]?: (input: In) => Out;
}

export type DefinedEvents<E> = {
  readonly [Name in keyof E & string]: DefinedEvent<Name, SchemaInput<E[Name]>, SchemaOutput<E[Name]>>;
};

/**
 * What events of defineEvents carry, by name, for those who use names alone:
 * `declare module "skein" { interface Events extends EventsOf<typeof UserEvents> {} }`.
 */
export type EventsOf<D> = {
  readonly [Name in keyof D]: D[Name] extends DefinedEvent<string, infer In, unknown> ? In : never;
};

/**
 * Events with schemas (zod, valibot, arktype, …), in a file that publishers and handlers share:
 * `const UserEvents = defineEvents({ "user.created": z.object({ id: z.string() }) })`. What `UserEvents["user.created"]` publishes and what its
 * handlers get is checked: `events.publish(UserEvents["user.created"], { id })`, `@On(UserEvents["user.created"])`.
 * @throws TypeError naming the event whose name or schema is none
 */
export function defineEvents<const E extends Readonly<Record<string, StandardSchema>>>(
  schemas: E,
): DefinedEvents<E> {
  const events: Record<string, AnyEvent> = {};
  for (const [name, schema] of Object.entries(schemas)) {
    const fault = eventNameFault(name);
    if (fault !== undefined) throw new TypeError(`defineEvents: ${fault}`);
    if (!isStandardSchema(schema))
      throw new TypeError(
        `defineEvents: "${name}" has no Standard Schema: give one of zod, valibot, arktype or the like`,
      );
    events[name] = Object.freeze({ name, schema });
  }
  return Object.freeze(events) as DefinedEvents<E>;
}

export function isDefinedEvent(value: unknown): value is AnyEvent {
  return typeof value === "object" && value !== null && isStandardSchema((value as Partial<AnyEvent>).schema);
}
