import type { OutgoingCall } from "@skein/core/internal";
import type { PeerEndpoint } from "../records.ts";
import type { Expected } from "./link.ts";

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
}

/** Each call is published so often at most. */
const MOST_SENDS = 3;

/** Whether its caller lets anything be tried again, and it has not been too often. */
export function mayBeSentAgain({ sends, call }: Flight): boolean {
  return sends < MOST_SENDS && call.retries !== false;
}

/** Whether its caller, or the service, says that it may be executed twice; and it is no second try already. */
export function mayRunTwice({ call, endpoint }: Flight): boolean {
  const idempotent = call.idempotent === true || endpoint.metadata["skein.idempotent"] === "true";
  return idempotent && call.attempt === 0;
}
