import type { BusEvent } from "@skein/core";
import type { EventLink } from "./event-link.ts";
import { encodeValue, headerBytes, headersOf } from "./event-message.ts";
import type { StreamTarget } from "./event-url.ts";

const MOST_REASON = 300;
const REASON = "Skein-Dead-Reason";
/** Where the payload is that had no room: stream and sequence. */
const PAYLOAD = "Skein-Dead-Payload";

export interface Death {
  readonly event: BusEvent;
  /** Of the stream. */
  readonly sequence: number;
  readonly attempts: number;
  readonly consumer: string;
  readonly reason: string;
}

interface Letter {
  readonly headers: ReadonlyMap<string, string>;
  readonly payload: Uint8Array;
}

/** Of whatever was thrown: that may be no Error, and may have no text. */
export function reasonOf(cause: unknown): string {
  try {
    return String(cause instanceof Error ? cause.message : cause);
  } catch {
    return "what was thrown cannot be written";
  }
}

/** Keeps an event that is given up, and says where. Rejects when it is not kept. */
export async function bury(link: EventLink, stream: StreamTarget, death: Death): Promise<string> {
  const subject = `${stream.dead}.${death.event.name}`;
  const { headers, payload } = fitting(link.maxPayload, letters(stream, death));
  await link.jetStream.publish(subject, payload, headers);
  return subject;
}

/** The event may have been as large as the server takes, and more is said of it now. */
function fitting(most: number, all: readonly Letter[]): Letter {
  const fits = ({ headers, payload }: Letter): boolean => headerBytes(headers) + payload.length <= most;
  return all.find(fits) ?? (all.at(-1) as Letter);
}

/** From the one that says all to those that leave out more and more. */
function letters({ name: stream }: StreamTarget, death: Death): readonly Letter[] {
  const { event, sequence } = death;
  const { payload } = event;
  const full = headersFor(death);
  const unexplained = without(full, REASON);
  const bare = without(headersFor({ ...death, event: { ...event, metadata: {} } }), REASON);
  const empty = new Map([...full, [PAYLOAD, `${stream} ${sequence}`]]);
  return [
    { headers: full, payload },
    { headers: unexplained, payload },
    { headers: bare, payload },
    { headers: empty, payload: new Uint8Array() },
  ];
}

function headersFor({ event, sequence, attempts, consumer, reason }: Death): Map<string, string> {
  const headers = headersOf(event);
  // The event's own id may be in this stream's memory of duplicates already.
  headers.set("Nats-Msg-Id", `dead-${consumer}-${sequence}`);
  headers.set("Skein-Event-Id", event.id);
  headers.set("Skein-Dead-Attempts", String(attempts));
  headers.set("Skein-Dead-Consumer", consumer);
  headers.set(REASON, encodeValue(reason.slice(0, MOST_REASON).trim()));
  return headers;
}

function without(headers: ReadonlyMap<string, string>, name: string): Map<string, string> {
  return new Map([...headers].filter(([key]) => key !== name));
}
