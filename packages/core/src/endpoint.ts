import type { CallContext } from "./context.ts";
import type { ErrorsContract } from "./errors/define-errors.ts";
import type { EventHandler } from "./events/event-handler.ts";
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

/** What one method may take of a server; each server has its own. */
export interface MethodLimits {
  /**
   * Handlers that run at once; a stream's until it ends. Further calls wait while their deadlines allow, and are refused by the rules of the
   * server's queue once too many do. @default any number
   */
  readonly concurrency?: number | undefined;
  /** Calls a second; beyond, they are refused with when to come again, and were not executed. @default any number */
  readonly ratePerSecond?: number | undefined;
  /** Calls that may come at once after a pause, with ratePerSecond. @default a tenth of a second's, at least 1 */
  readonly burst?: number | undefined;
}

/** An endpoint as the server holds it. */
export interface Endpoint extends EndpointInfo {
  readonly input: StandardSchema | undefined;
  readonly output: StandardSchema | undefined;
  readonly errors: ErrorsContract | undefined;
  /** What it may take of the server. @default no limits of its own */
  readonly limits?: MethodLimits | undefined;
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
  /** Of events. Absent without any. */
  readonly handlers?: readonly EventHandler[] | undefined;
  readonly onStart?: (() => unknown) | undefined;
  readonly onStop?: (() => unknown) | undefined;
}
