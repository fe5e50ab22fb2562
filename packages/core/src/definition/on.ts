import { type AnyEvent, type DefinedEvent, isDefinedEvent } from "../events/define-events.ts";
import { type OnOptions, onFault } from "../events/subscribe-options.ts";
import type { NameVerdict, PayloadOf } from "../types/event-types.ts";
import type { OnDecorator } from "./checked-handler.ts";
import { memberDecorator } from "./decorated-member.ts";
import { recordHandler } from "./metadata-store.ts";

/** What @On recorded. */
export interface RecordedHandler {
  readonly name: string;
  readonly schema: AnyEvent["schema"] | undefined;
  readonly options: OnOptions;
}

/** `@On`, for events whose payloads `E` tells by name. */
export interface OnFactory<E> {
  <const N extends (keyof E & string) | (string & {})>(
    name: N & NameVerdict<E, N>,
    options?: OnOptions,
  ): OnDecorator<PayloadOf<E, N>>;
  <N extends string, In, Out>(event: DefinedEvent<N, In, Out>, options?: OnOptions): OnDecorator<Out>;
}

/**
 * Marks a method of a @Service class as a handler of events: `@On("user.created")`, `@On("user.*", { queue: "audit" })`. It takes the payload and,
 * last, an optional EventContext. `*` stands for one word between dots, `>` at the end for one or more.
 *
 * Each event goes to one of the service's instances, to each with `{ broadcast: true }`, or to one of all that give the same `queue`. Handlers run
 * from when the service has started until it drains. Several @On on one method are several subscriptions.
 * Works as a standard decorator and with `experimentalDecorators`. A decorator in a wrong place, and names that cannot be, are refused when the
 * class is served.
 * @throws TypeError without a name
 */
export const On: OnFactory<{}> = (event: unknown, options: OnOptions = {}, ...more: unknown[]) => {
  const named = isDefinedEvent(event) ? event : { name: event, schema: undefined };
  if (more.length > 0 || (typeof event !== "string" && !isDefinedEvent(event)))
    throw new TypeError('@On needs the name of an event: @On("user.created")');
  const name = named.name as string;
  return memberDecorator("@On", "a handler", (target, key) => {
    const fault = onFault(name, options);
    if (fault !== undefined) return `@On of ${key}: ${fault}`;
    const recorded: RecordedHandler = { name, schema: named.schema, options };
    return recordHandler(target, key, recorded)
      ? undefined
      : `@On(${JSON.stringify(name)}) is on ${key} twice: once is enough`;
  });
};
