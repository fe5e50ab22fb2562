import type { Metadata } from "../context.ts";
import type { Logger } from "../runtime.ts";

/** What a handler may know of its event. Given as the last parameter. */
export interface EventContext {
  /** Of the event: `user.created`, where the handler takes `user.*`. */
  readonly name: string;
  /** Of this event alone, the same when it is given again: what a handler may remember to do things once. */
  readonly id: string;
  /** When it was published, by its publisher's clock. Milliseconds since 1970. */
  readonly publishedAt: number;
  /** 1 the first time, 2 when the bus gives it again. */
  readonly attempt: number;
  readonly metadata: Metadata;
  /** W3C trace context of the publisher. */
  readonly traceparent: string | undefined;
  /** Its time is up: the process wants to end and has waited long enough. Cheap: look at it in loops. */
  readonly aborted: boolean;
  /** Why it was aborted. */
  readonly reason: unknown;
  /** Calls back once when it is aborted (at once if it was). Returns what takes the callback away. */
  onAbort(callback: (reason: unknown) => void): () => void;
  /** Made on first use. */
  readonly signal: AbortSignal;
  /** The subscription is closed, or its process wants to end: a handler that runs long should come to an end. */
  readonly draining: boolean;
  readonly log: Logger;
  readonly [eventBrand]: true;
}
declare const eventBrand: unique symbol;
