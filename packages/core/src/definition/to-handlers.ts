import type { EventHandler } from "../events/event-handler.ts";
import { resolveSubscription } from "../events/subscribe-options.ts";
import { readHandlers } from "./metadata-store.ts";
import type { RecordedHandler } from "./on.ts";

type Method = (...args: unknown[]) => unknown;

/**
 * What @On recorded of an instance's class, made ready. A service's own name is its queue.
 * @throws TypeError naming both methods that would take events from each other
 */
export function toHandlers(label: string, target: object, type: object, service: string): EventHandler[] {
  const all: EventHandler[] = [];
  for (const [key, recorded] of readHandlers(type) as Map<string, readonly RecordedHandler[]>)
    for (const one of recorded) all.push(ofInstance(label, target, key, one, service));
  all.forEach((handler, i) => {
    for (const other of all.slice(0, i)) refuseSharing(handler, other, service);
  });
  return all;
}

function ofInstance(
  label: string,
  target: object,
  key: string,
  { name, schema, options }: RecordedHandler,
  service: string,
): EventHandler {
  const method = (target as Record<string, unknown>)[key] as Method;
  if (typeof method !== "function")
    throw new TypeError(`${label}.${key} handles events and is no method any more: the instance hides it`);
  return {
    name,
    schema,
    queue: options.broadcast === true ? undefined : (options.queue ?? service),
    ...resolveSubscription(options),
    label: `${label}.${key}`,
    handle: (payload, context) => method.call(target, payload, context),
  };
}

/** Of one name in one queue, one of the two would get an event, and nobody means that. */
function refuseSharing(one: EventHandler, other: EventHandler, service: string): void {
  if (one.queue === undefined || one.queue !== other.queue || one.name !== other.name) return;
  const example = `@On("${one.name}", { queue: "${service}-${one.label.split(".").at(-1)}" })`;
  throw new TypeError(
    `${one.label} and ${other.label} take "${one.name}" in the queue "${one.queue}", where one of them would get each: give one a queue of its own, as in ${example}`,
  );
}
