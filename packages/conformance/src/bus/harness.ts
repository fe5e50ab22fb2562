import type { EventBus } from "@skein/core";
import type { ConformanceCase } from "../case.ts";

/** A bus to be tried out. */
export interface BusWorld {
  /** Another client of the same bus each time. All are closed by `close`. */
  readonly connect: () => EventBus | Promise<EventBus>;
  /** Ends what create() and connect() made. Idempotent clients are asked to close a second time. */
  readonly close: () => void | Promise<void>;
}

export interface BusHarness {
  /** What it says of itself. What holds of the other kind alone is skipped. */
  readonly delivery: EventBus["delivery"];
  /** Called for each case. Names of events and queues are no other case's, so that one server may serve all. */
  readonly create: () => BusWorld | Promise<BusWorld>;
  /** A payload with one byte more is refused. @default not known: skipped */
  readonly maxPayloadBytes?: number | undefined;
  /** What is awaited must have happened within this, ms. @default 10_000 */
  readonly waitMs?: number | undefined;
  /** A durable bus gives a failed event again within this, ms. @default 10_000 */
  readonly redeliveryMs?: number | undefined;
}

export type BusCase = ConformanceCase<BusHarness>;
