import { isRefusal, JetStreamError } from "../jetstream/errors.ts";
import type { EventLink } from "./event-link.ts";

/** FAILED_PRECONDITION for what JetStream refuses; any other error as it is. */
export function jetStreamFault(link: EventLink, what: string, error: unknown): unknown {
  if (!(error instanceof JetStreamError)) return error;
  const { message } = error;
  const text = isRefusal(error, "noJetStream")
    ? "the server has no JetStream, and stream= needs it: start it with nats-server -js (without stream=, events are not stored)"
    : `${what}: JetStream says "${message}"`;
  return link.fault("FAILED_PRECONDITION", text, "no", error);
}
