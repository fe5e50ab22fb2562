import type { IncomingHttpHeaders } from "node:http2";
import type { EndpointKind } from "@skein/core";
import type { DoorCallers } from "@skein/core/internal";
import type { Format } from "./format.ts";

/** What a path leads to. */
export interface Handler {
  readonly kind: EndpointKind;
  /** @param contentType of the request, in small letters, without parameters */
  format(contentType: string): Format;
  /** `input` is an AsyncIterable where the kind takes a stream; so is what is returned, where it gives one. */
  run(input: unknown, call: Call): PromiseLike<unknown> | AsyncIterable<unknown>;
}

/** What is known of a call before its first message. */
export interface Call {
  readonly headers: IncomingHttpHeaders;
  /** Of the peer's connection. */
  readonly callers: DoorCallers;
  readonly timeoutMs: number | undefined;
  /** The peer cancelled or has gone. */
  readonly signal: AbortSignal;
}

export const takesStream = (kind: EndpointKind): boolean =>
  kind === "client-stream" || kind === "bidi-stream";
export const givesStream = (kind: EndpointKind): boolean =>
  kind === "server-stream" || kind === "bidi-stream";
