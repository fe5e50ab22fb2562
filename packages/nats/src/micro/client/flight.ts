import { RpcError } from "@skein/core";
import { type OutgoingCall, unavailable } from "@skein/core/internal";
import { headerBytes, writeHeaders } from "../micro-headers.ts";
import type { PeerEndpoint } from "../records.ts";
import type { Expected, OpenLink } from "./link.ts";
import { away } from "./outcomes.ts";

/** A call that was published. */
export interface Flight {
  readonly call: OutgoingCall;
  readonly endpoint: PeerEndpoint;
  readonly bytes: Uint8Array;
  readonly expected: Expected;
  /** clock.monotonic() ms, of the last time. */
  sentAt: number;
  /** How often. */
  sends: number;
  /** Of them, those that somebody may have executed, or be about to. */
  unanswered: number;
}

/** Each call is published so often at most. */
const MOST_SENDS = 3;

/** Whether its caller lets anything be tried again, and it has not been too often. */
export function mayBeSentAgain({ sends, call }: Flight): boolean {
  return sends < MOST_SENDS && call.retries !== false;
}

/** Whether its caller, or the service, says that it may be executed twice; and it is no second try already. */
export function mayRunTwice({ call, endpoint }: Flight): boolean {
  return (call.idempotent === true || endpoint.idempotent) && call.attempt === 0;
}

/** Throws an RpcError where it cannot be sent. @param now clock.monotonic() ms */
export function publish(
  flight: Flight,
  { port, refused }: OpenLink,
  credentials: string | undefined,
  now: number,
): void {
  const { call, endpoint, bytes, expected } = flight;
  if (refused !== undefined) throw unavailable(`NATS does not let us hear answers: ${refused.message}`);
  if (!port.connected) throw away(`no connection to ${port.name}`, "no");
  const headers = writeHeaders(call.metadata, credentials, call.expiresAt - now);
  const size = bytes.length + headerBytes(headers);
  if (size > port.maxPayload)
    throw new RpcError(
      "RESOURCE_EXHAUSTED",
      `the input has ${size} bytes with its headers: NATS carries at most ${port.maxPayload} (max_payload)`,
      { executed: "no" },
    );
  port.publish(endpoint.subject, bytes, expected.reply, headers);
  flight.sentAt = now;
  flight.sends++;
  flight.unanswered++;
}
