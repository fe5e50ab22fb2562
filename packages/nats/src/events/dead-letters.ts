import type { BusEvent } from "@skein/core";
import type { EventLink } from "./event-link.ts";
import { encodeValue, headersOf } from "./event-message.ts";
import type { StreamTarget } from "./event-url.ts";

const MOST_REASON = 300;

export interface Death {
  readonly event: BusEvent;
  /** Of the stream. */
  readonly sequence: number;
  readonly attempts: number;
  readonly consumer: string;
  readonly reason: string;
}

/** Keeps an event that is given up, and says where. Rejects when it is not kept. */
export async function bury(link: EventLink, stream: StreamTarget, death: Death): Promise<string> {
  const { event, sequence, attempts, consumer, reason } = death;
  const subject = `${stream.dead}.${event.name}`;
  const headers = headersOf(event);
  // The event's own id may be in this stream's memory of duplicates already.
  headers.set("Nats-Msg-Id", `dead-${consumer}-${sequence}`);
  headers.set("Skein-Event-Id", event.id);
  headers.set("Skein-Dead-Attempts", String(attempts));
  headers.set("Skein-Dead-Consumer", consumer);
  headers.set("Skein-Dead-Reason", encodeValue(reason.slice(0, MOST_REASON).trim()));
  await link.jetStream.publish(subject, event.payload, headers);
  return subject;
}
