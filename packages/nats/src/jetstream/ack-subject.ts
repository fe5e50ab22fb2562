import { fromNanos } from "./nanos.ts";

/** What the server says of a message that a consumer delivers, in the subject for its acknowledgement. */
export interface Delivery {
  readonly stream: string;
  /** 1 the first time. */
  readonly attempt: number;
  /** Of the stream. */
  readonly sequence: number;
  /** Of what this consumer delivered: from 1 on, without gaps. */
  readonly count: number;
  /** When the stream took it, ms since 1970 by the server's clock, with a fraction. */
  readonly timeMs: number;
  /** How many more there are now. */
  readonly pending: number;
  /** Of this message alone: a server that was killed may have lost its last ones, and uses their numbers again. */
  readonly key: string;
}

/** Visible ASCII, and no wildcards. */
const FORM = /^\$JS\.ACK(?:\.[!-)+,\-/-=?-~]+)+$/;

/**
 * Undefined where it is none: nothing is published to a subject that a stranger has named. It is
 * `$JS.ACK.[domain.account.]stream.consumer.attempt.sequence.count.nanoseconds.pending[.random]`.
 */
export function parseAckSubject(subject: string | undefined): Delivery | undefined {
  if (subject === undefined || !FORM.test(subject)) return undefined;
  const tokens = subject.split(".").slice(2);
  // With a domain and an account's hash in front of the stream since 2.2.
  const [stream = "", , ...rest] = tokens.length === 7 ? tokens : tokens.slice(2);
  const [attempt, sequence, count, time, pending] = rest.map(Number) as [
    number,
    number,
    number,
    number,
    number,
  ];
  // Where tokens are missing, a count is.
  const counts = [attempt, sequence, count, pending];
  if (!counts.every((n) => Number.isSafeInteger(n) && n >= 0)) return undefined;
  if (!(time > 0 && Number.isFinite(time))) return undefined;
  const key = `${sequence}.${rest[3]}`;
  return { stream, attempt, sequence, count, timeMs: fromNanos(time), pending, key };
}
