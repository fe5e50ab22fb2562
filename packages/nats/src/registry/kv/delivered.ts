import { type Delivery, parseAckSubject } from "../../jetstream/ack-subject.ts";
import type { NatsMessage } from "../../nats-port.ts";

/** What a consumer delivers of a stream. */
export interface Delivered extends Pick<Delivery, "sequence" | "count" | "timeMs" | "pending"> {
  readonly subject: string;
  readonly bytes: Uint8Array;
  /** By key-value's own mark. */
  readonly gone: boolean;
  /** The server dropped it for its age: a mark that says nothing new. */
  readonly aged: boolean;
}

/** Undefined for what is none. */
export function readDelivered({ subject, reply, bytes, headers }: NatsMessage): Delivered | undefined {
  const delivery = parseAckSubject(reply);
  if (delivery === undefined) return undefined;
  const { sequence, count, timeMs, pending } = delivery;
  const operation = headers?.get("KV-Operation") ?? "";
  const reason = headers?.get("Nats-Marker-Reason") ?? "";
  const aged = reason === "MaxAge";
  const gone = operation === "DEL" || operation === "PURGE" || (reason !== "" && !aged);
  return { subject, sequence, count, timeMs, pending, bytes, gone, aged };
}
