import type { CallContext, Metadata } from "./context.ts";
import type { EndpointKind } from "./endpoint.ts";

/** A call on its way, on either side. */
export interface Invocation {
  readonly side: "client" | "server";
  readonly service: string;
  readonly method: string;
  readonly kind: EndpointKind;
  /** The input, or an AsyncIterable of inputs. */
  input: unknown;
  /** On the client: what will be sent (replace it to add to it). On the server: what came. */
  metadata: Metadata;
  /** On the server only. */
  readonly context: CallContext | undefined;
}

/** A promise of the output for unary and client-stream calls, an AsyncIterable of outputs for the others. */
export type Outcome = Promise<unknown> | AsyncIterable<unknown>;
export type Next = (call: Invocation) => Outcome;
/** Wraps calls; the same type on both sides. The first listed is the outermost. Return `next(call)` unawaited where nothing is done afterwards: it is free. */
export type Interceptor = (next: Next) => Next;
