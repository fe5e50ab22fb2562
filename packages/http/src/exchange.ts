import type { IncomingMessage, ServerResponse } from "node:http";
import type { HttpLimits } from "./limits.ts";

/** One request and what becomes of it. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly limits: HttpLimits;
  /** Before the `?`. */
  readonly path: string;
  readonly query: string;
  /** The door closes: the answer is the connection's last. */
  readonly draining: () => boolean;
}
