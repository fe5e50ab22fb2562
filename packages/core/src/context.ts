import type { Logger } from "./runtime.ts";

/** Text pairs that travel with a call; keys in lower case. Objects without a prototype when they were received. */
export type Metadata = Readonly<Record<string, string>>;

/** What a handler may know of its call. Given as the last parameter, and by currentContext(). */
export interface CallContext {
  readonly service: string;
  readonly method: string;
  /** Id of the instance that serves it. */
  readonly instance: string;
  /** Address of the caller. */
  readonly peer: string;
  readonly metadata: Metadata;
  /** W3C trace context of the caller. */
  readonly traceparent: string | undefined;
  /** 0 the first time, 1 when the caller tries again. */
  readonly attempt: number;
  /** Milliseconds left until the deadline; Infinity when there is none. */
  readonly timeLeftMs: number;
  /** The caller has gone, cancelled, or its time is up. Cheap: look at it in loops. */
  readonly aborted: boolean;
  /** Why it was aborted. */
  readonly reason: unknown;
  /** Calls back once when the call is aborted (at once if it was). Returns what takes the callback away. Cheaper than `signal`. */
  onAbort(callback: (reason: unknown) => void): () => void;
  /** Made on first use; costs about 4 µs on Node 20. */
  readonly signal: AbortSignal;
  /** The server wants to end: long streams should. */
  readonly draining: boolean;
  onDraining(callback: () => void): () => void;
  readonly log: Logger;
  readonly [contextBrand]: true;
}
declare const contextBrand: unique symbol;
