import type { BusEvent } from "@skein/core";
import type { EventLink } from "./event-link.ts";
import { headerBytes, headersOf } from "./event-message.ts";
import { eventSubject } from "./event-subjects.ts";

/** An event as it goes to the server; throws INVALID_ARGUMENT or RESOURCE_EXHAUSTED where it cannot. */
export function toMessage(
  link: EventLink,
  prefix: string,
  event: BusEvent,
): { readonly subject: string; readonly headers: Map<string, string> } {
  const message = written(link, prefix, event);
  const bytes = event.payload.length + headerBytes(message.headers);
  const most = link.maxPayload;
  if (most > 0 && bytes > most)
    throw link.fault(
      "RESOURCE_EXHAUSTED",
      `${event.name} is ${bytes} bytes long with its metadata, and the server's max_payload is ${most}`,
    );
  return message;
}

function written(
  link: EventLink,
  prefix: string,
  event: BusEvent,
): { readonly subject: string; readonly headers: Map<string, string> } {
  try {
    return { subject: eventSubject(prefix, event.name), headers: headersOf(event) };
  } catch (error) {
    throw link.fault("INVALID_ARGUMENT", `${event.name}: ${(error as Error).message}`, "no", error);
  }
}
