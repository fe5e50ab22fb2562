import type { StandardSchema } from "../schema.ts";
import type { EventContext } from "./event-context.ts";

/** Where a durable bus begins when it does not know a subscription yet. */
export type EventStart = "new" | "all" | number;

/** What an event handler comes down to, its options checked. */
export interface EventHandler {
  /** Of the events: a name, or a pattern. */
  readonly name: string;
  /** Undefined: to everyone. */
  readonly queue: string | undefined;
  readonly concurrency: number;
  readonly from: EventStart;
  readonly schema: StandardSchema | undefined;
  /** For logs and reports: `MailService.welcome`. */
  readonly label: string;
  readonly handle: (payload: unknown, context: EventContext) => unknown;
}
