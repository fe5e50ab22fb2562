import type { EventBus, Logger, Runtime } from "@skein/core";
import { connectNats } from "../nats-client.ts";
import { CoreBus } from "./core-bus.ts";
import { EventLink } from "./event-link.ts";
import { parseEventUrl } from "./event-url.ts";
import { JetStreamBus } from "./jetstream-bus.ts";

/**
 * Events on NATS, with subjects `skein.events.user.created`, so that any NATS client publishes and subscribes as well.
 *
 * Without `stream=` they go at most once to those who are there: what is published while a subscriber is cut off does not reach it. With `stream=NAME`
 * they are kept by JetStream and go at least once to each queue, again after 1 s, 5 s, 30 s, 2 min, 10 min when a handler fails, and after 5 attempts to
 * `skein.dead.user.created`. The stream is made when there is none.
 *
 * Throws INVALID_ARGUMENT, naming the part of the URL that is wrong.
 *
 * @param url as of createTransport, with `?stream=EVENTS` and then `&maxDeliver=5&ackWait=30s&backoff=1s,5s,30s&dead=skein.dead`, and for a stream that is
 * made here `&replicas=1&maxAge=168h` (0: for ever)
 */
export function createEventBus(
  url: string,
  options: { readonly runtime: Runtime; readonly logger: Logger },
): EventBus {
  const target = parseEventUrl(url);
  const { name, prefix, stream } = target;
  const { runtime, logger } = options;
  const connect = (events: Parameters<typeof connectNats>[2]) =>
    connectNats(target, { runtime, logger }, events);
  const link = new EventLink({ name, prefix, runtime, connect });
  return stream === undefined ? new CoreBus(link, prefix) : new JetStreamBus(link, prefix, stream);
}
