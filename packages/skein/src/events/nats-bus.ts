import type { EventBus, Logger, Runtime } from "@skein/core";
import { redactUrl } from "../config/redact.ts";
import { openNats } from "../nats-package.ts";

/** What the package exports as `createEventBus`. */
type CreateEventBus = (
  url: string,
  options: { readonly runtime: Runtime; readonly logger: Logger },
) => EventBus;

/** The bus of a package that the application has installed, opened at its first use. Throws, naming the command, when it is not installed. */
export function createNatsBus(url: string, options: { runtime: Runtime; logger: Logger }): EventBus {
  const load = openNats<CreateEventBus, EventBus>(url, "createEventBus", (create) => create(url, options));
  let opening: Promise<EventBus> | undefined;
  let there: EventBus | undefined;
  let closed = false;
  const opened = (): Promise<EventBus> => {
    opening ??= load().then(async (bus) => {
      there = bus;
      if (closed) await bus.close();
      return bus;
    });
    return opening;
  };
  return {
    name: redactUrl(url),
    // Known once it is open, and nobody asks before an event has come.
    get delivery() {
      return there?.delivery ?? "at-most-once";
    },
    publish: async (event) => (await opened()).publish(event),
    subscribe: async (subscription) => (await opened()).subscribe(subscription),
    async close() {
      closed = true;
      await (await opening?.catch(() => undefined))?.close();
    },
  };
}
