import type { CodecFactory } from "../codec.ts";
import type { RpcError } from "../errors/rpc-error.ts";
import type { Runtime } from "../runtime.ts";
import type { Connection } from "../transport.ts";
import type { OutgoingCall, RemoteEndpoint } from "./outgoing-call.ts";

/** Bounds on what a peer may make us hold. */
export interface SessionLimits {
  /** Longest message taken or sent, bytes. @default 4 MiB */
  readonly maxMessageBytes: number;
  /** Nesting while decoding. @default 64 */
  readonly maxDepth: number;
  /** Values in a message while decoding, keys excluded. @default 500_000 */
  readonly maxValues: number;
  /** Calls in flight on one connection; the client lets further ones wait. @default 1000 */
  readonly maxCalls: number;
  /** Bytes committed and unsent; beyond, calls are refused. @default 16 MiB */
  readonly maxUnsentBytes: number;
  /** Bytes of items a stream may have under way and unread. @default 256 KiB */
  readonly streamWindowBytes: number;
  /** HELLO (authentication included) must have come by then, ms. @default 1000 */
  readonly helloMs: number;
}

export interface LivenessOptions {
  /** Calls outstanding and nothing read for so long: PING. @default 500 ms */
  readonly quietMs: number;
  /** No answer to PING for so long: suspect. @default 1000 ms */
  readonly suspectMs: number;
  /** Silence after which an idle or hopeless connection is dead. @default 4000 ms */
  readonly silentMs: number;
  /** The same while calls with more time left are in flight. @default 30_000 ms */
  readonly deadAfterMs: number;
  /** PING on an idle connection. @default 15_000 ms */
  readonly idlePingMs: number;
}

export interface ClientSessionOptions {
  readonly runtime: Runtime;
  /** Dialled, not yet opened. */
  readonly connection: Connection;
  /** In order of preference. */
  readonly codecs: readonly CodecFactory[];
  readonly service: string;
  /** The instance expected there; undefined takes whichever serves the service. */
  readonly instance: string | undefined;
  /** Sent in HELLO. */
  readonly credentials?: string | undefined;
  readonly limits?: Partial<SessionLimits> | undefined;
  readonly liveness?: Partial<LivenessOptions> | undefined;
  readonly events: ClientSessionEvents;
}

export interface ClientSessionEvents {
  /** HELLO was answered: `session.endpoints` is known and calls may start. */
  ready(): void;
  /** True: nothing was heard for quietMs + suspectMs; false: heard again. */
  suspect(suspected: boolean): void;
  /** The server drains: calls in flight go on, no new ones may start. */
  draining(): void;
  /** Exactly once, also when HELLO fails, after every call in flight has failed. `error.message` says why. */
  closed(error: RpcError): void;
}

/** The client's end of a session. */
export interface ClientSession {
  readonly state: "opening" | "open" | "draining" | "closed";
  /** Id the server gave in HELLO; "" before. */
  readonly instance: string;
  readonly version: string;
  /** By name; empty before HELLO. */
  readonly endpoints: ReadonlyMap<string, RemoteEndpoint>;
  /** Calls in flight and waiting. */
  readonly pending: number;
  /** Sends the call (or lets it wait for a free slot). May call call.fail() before it returns. */
  start(call: OutgoingCall): void;
  /** The caller lost interest: CANCEL is sent, and neither finish nor fail is called any more. Idempotent. */
  cancel(call: OutgoingCall): void;
  /** Visits each call in flight (sent, not ended). `visit` may cancel it. */
  each(visit: (call: OutgoingCall) => void): void;
  /** Visits each call that waits for a free slot (never sent). `visit` may cancel it. */
  eachWaiting(visit: (call: OutgoingCall) => void): void;
  /** Sends refreshed credentials. */
  authenticate(credentials: string): void;
  /** No new calls; closes once those in flight have ended. */
  drain(): void;
  /** Fails what is in flight with CANCELLED and closes. */
  close(): void;
}
