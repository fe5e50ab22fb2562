import type { Metadata } from "../context.ts";
import type { EndpointInfo } from "../endpoint.ts";
import type { RpcError } from "../errors/rpc-error.ts";
import type { ItemQueue } from "./item-queue.ts";

/** An endpoint as a session's HELLO told of it: valid on that session only. */
export interface RemoteEndpoint extends EndpointInfo {
  readonly id: number;
}

/** One attempt at a call: made by the client layer, driven by a ClientSession. */
export interface OutgoingCall {
  /** Of the session's table. */
  readonly endpoint: RemoteEndpoint;
  /** The value, or for client and bidi streams an AsyncIterable that the session drains. */
  readonly input: unknown;
  /** clock.monotonic() ms; Infinity when there is no deadline. */
  readonly expiresAt: number;
  /** Sent in front of the input; `traceparent` is one of its keys. */
  readonly metadata: Metadata | undefined;
  /** It may be executed twice: its caller, or else its endpoint, says so. */
  readonly idempotent?: boolean | undefined;
  /** False: its caller does not want it to be tried again. */
  readonly retries?: boolean | undefined;
  /** 0, or 1 when it is tried again: such a call is never retried below. */
  readonly attempt: number;
  /** Where the items of an output stream go; undefined for unary and client streams. */
  readonly items: ItemQueue | undefined;
  /** Stream id on the session; the session's own business. 0: not started. */
  id: number;
  /** Set by the session once an item was asked of an input iterable: such a call cannot be tried again. */
  inputTaken: boolean;
  /** The call ended well. `value` is undefined for output streams (their `items` have been ended). `load`: the server's trailer. */
  finish(value: unknown, load: number): void;
  /** The call ended with an error, `executed` and `retry` being set. Exactly one of finish and fail is called, once, unless cancel() came first. */
  fail(error: RpcError): void;
  /** The reader of `items` went away and the server was told: neither finish nor fail follows. */
  abandoned(): void;
}
