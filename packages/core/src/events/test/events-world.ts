import { expect } from "vitest";
import type { CallContext } from "../../context.ts";
import { RpcError } from "../../errors/rpc-error.ts";
import type { StandardSchema } from "../../schema.ts";
import { createFakeRuntime, type LogLevel, loggerTo, plainJsonCodec } from "../../testing/index.ts";
import { createEvents } from "../create-events.ts";
import { defineEvents } from "../define-events.ts";
import type { BusEvent, BusSubscription, EventBus } from "../event-bus.ts";
import { createMemoryBus } from "../memory-bus.ts";

export const TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const otherCodec = {
  contentType: "application/other",
  create: () => ({
    ...plainJsonCodec.create({ maxDepth: 1, maxValues: 1 }),
    contentType: "application/other",
  }),
};
/** Takes objects with an even `n`; gives twice as much. */
const even: StandardSchema<{ n: number }> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: async (value) =>
      (value as { n: number }).n % 2 === 0
        ? { value: { n: (value as { n: number }).n * 2 } }
        : { issues: [{ message: "odd", path: ["n"] }] },
  },
};
export const Counted = defineEvents({ "count.even": even });

/** Events over a bus in memory, on a fake clock, with all that happens to them kept. */
export function setUp(given: Partial<EventBus> & { readonly delivery?: EventBus["delivery"] } = {}) {
  const runtime = createFakeRuntime();
  const lines: [LogLevel, string, Readonly<Record<string, unknown>>][] = [];
  const sent: BusEvent[] = [];
  const subscribed: BusSubscription[] = [];
  const memory = createMemoryBus({ runtime });
  const bus: EventBus = {
    ...memory,
    async publish(event) {
      sent.push(event);
      await memory.publish(event);
    },
    async subscribe(subscription) {
      subscribed.push(subscription);
      return memory.subscribe(subscription);
    },
    ...given,
  };
  let current: CallContext | undefined;
  const contextStore = {
    get: () => current,
    run<A, R>(value: CallContext, fn: (argument: A) => R, argument: A): R {
      current = value;
      try {
        return fn(argument);
      } finally {
        current = undefined;
      }
    },
  };
  const events = createEvents<Record<never, never>>({
    runtime,
    bus,
    contextStore,
    codecs: [plainJsonCodec, otherCodec],
    logger: loggerTo((level, message, fields) => void lines.push([level, message, fields])),
  });
  const serving = (call: Partial<CallContext> | undefined): void => {
    current = call as CallContext | undefined;
  };
  return { events, runtime, bus, lines, sent, subscribed, serving };
}

/** The RpcError that a promise ends with. */
export async function rejected(promise: Promise<unknown>): Promise<RpcError> {
  const error = await promise.then(
    () => expect.unreachable(),
    (e: unknown) => e,
  );
  expect(RpcError.is(error), String(error)).toBe(true);
  return error as RpcError;
}
