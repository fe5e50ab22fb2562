import { json, msgpack } from "@skein/codec";
import {
  type CodecFactory,
  createEvents,
  createMemoryBus,
  type EventBus,
  type EventsHub,
  type Logger,
} from "@skein/core";
import { ambient } from "../ambient.ts";
import type { EventsConfigOptions, EventsTarget } from "../config/resolve-events.ts";
import { nodeRuntime as runtime } from "../node-runtime.ts";
import { SetupError } from "../setup-error.ts";
import type { Events } from "./events-map.ts";
import { createNatsBus } from "./nats-bus.ts";

export interface OpenEventsOptions {
  readonly target: EventsTarget;
  readonly codec: EventsConfigOptions["eventCodec"];
  readonly logger: Logger;
  /** Whether handlers can be followed by clients. */
  readonly context: boolean;
}

/** Nothing is connected before it is used. Throws when a package is missing, naming the command that installs it. */
export function openEvents({ target, codec, logger, context }: OpenEventsOptions): EventsHub<Events> {
  return createEvents<Events>({
    runtime,
    logger,
    bus: outsideOfCalls(openBus(target, logger)),
    codecs: codecsOf(codec),
    contextStore: context ? ambient : undefined,
  });
}

function openBus(target: EventsTarget, logger: Logger): EventBus {
  switch (target.kind) {
    case "object":
      // Its owner closes it.
      return asGiven(target.bus);
    case "nats":
      return createNatsBus(target.url, { runtime, logger });
    case "memory": {
      const bus = createMemoryBus({ runtime, name: target.name });
      return target.chosen ? bus : sayingOnce(bus, logger);
    }
  }
}

function asGiven(bus: EventBus): EventBus {
  return {
    name: bus.name,
    delivery: bus.delivery,
    publish: (event) => bus.publish(event),
    subscribe: (subscription) => bus.subscribe(subscription),
    close: async () => {},
  };
}

/** Nobody chose it: whoever expects events in another process is told where they stay. */
function sayingOnce(bus: EventBus, logger: Logger): EventBus {
  let said = false;
  const say = (): void => {
    if (said) return;
    said = true;
    logger.info({}, "events stay within this process: SKEIN_EVENTS=nats://… carries them to others");
  };
  return {
    ...bus,
    publish(event) {
      say();
      return bus.publish(event);
    },
    subscribe(subscription) {
      say();
      return bus.subscribe(subscription);
    },
  };
}

/** What lasts longer than a call (sockets, timers, other handlers) must not hold on to the context of the call that published. */
function outsideOfCalls(bus: EventBus): EventBus {
  return {
    name: bus.name,
    get delivery() {
      return bus.delivery;
    },
    publish: (event) => ambient.outside(() => bus.publish(event)),
    subscribe: (subscription) => ambient.outside(() => bus.subscribe(subscription)),
    close: () => bus.close(),
  };
}

/** The one that publishes, and behind it those that are understood. */
function codecsOf(chosen: EventsConfigOptions["eventCodec"] = "json"): readonly CodecFactory[] {
  const own = chosen === "json" ? json : chosen === "msgpack" ? msgpack : chosen;
  if (typeof own !== "object" || typeof own?.create !== "function")
    throw new SetupError(
      `option eventCodec=${String(chosen)} is unknown: give json, msgpack, or a CodecFactory`,
    );
  return [own, ...[json, msgpack].filter(({ contentType }) => contentType !== own.contentType)];
}
