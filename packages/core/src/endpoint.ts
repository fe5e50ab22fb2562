import type { CallContext } from "./context.ts";
import type { ErrorsContract } from "./errors/define-errors.ts";
import type { StandardSchema } from "./schema.ts";

export type EndpointKind = "unary" | "server-stream" | "client-stream" | "bidi-stream";
/** Refused last, as usual, first, when a server is overloaded. */
export type Priority = "critical" | "normal" | "sheddable";

/** An endpoint as its service tells callers: in HELLO's table. */
export interface EndpointInfo {
  readonly name: string;
  readonly kind: EndpointKind;
  /** May be executed twice: calls whose outcome is unknown are tried again. @default false */
  readonly idempotent: boolean;
  /** The service's own default deadline, ms; a caller's wins. */
  readonly timeoutMs: number | undefined;
  readonly priority: Priority;
}

/** An endpoint as the server holds it. */
export interface Endpoint extends EndpointInfo {
  readonly input: StandardSchema | undefined;
  readonly output: StandardSchema | undefined;
  readonly errors: ErrorsContract | undefined;
  /** Returns the output, a promise of it, or an AsyncIterable of outputs; `input` is an AsyncIterable for client and bidi streams. */
  readonly handler: (input: unknown, context: CallContext) => unknown;
}

/** A service ready to be served: what a decorated instance and defineService come down to. */
export interface ServiceDefinition {
  readonly name: string;
  readonly version: string;
  readonly endpoints: ReadonlyMap<string, Endpoint>;
  /** Class name, for messages. */
  readonly label: string;
  /** Lines to log at start: undecorated public methods. */
  readonly warnings: readonly string[];
  readonly onStart?: (() => unknown) | undefined;
  readonly onStop?: (() => unknown) | undefined;
}
