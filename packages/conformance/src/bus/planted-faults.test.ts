import { type BusSubscription, createMemoryBus, type EventBus } from "@skein/core";
import { expect, test } from "vitest";
import { nodeRuntime } from "../node-runtime.ts";
import { busCases } from "./cases.ts";
import type { BusHarness } from "./harness.ts";

const MOST_BYTES = 200_000;
let worlds = 0;

type Fault = (good: EventBus) => Partial<EventBus>;
/** Subscribes to something else than was asked for. */
const asking =
  (change: (subscription: BusSubscription) => Partial<BusSubscription>): Fault =>
  (good) => ({ subscribe: (asked) => good.subscribe({ ...asked, ...change(asked) }) });
const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** For each case, a bus that does this one thing wrong. */
const faults: Readonly<Record<string, Fault>> = {
  "everyone without a queue gets each event, whoever publishes": asking(({ queue }) => ({
    queue: queue ?? "all",
  })),
  "what is published once subscribe() has resolved is received": (good) => ({
    async subscribe(asked) {
      const soon = pass(20).then(() => good.subscribe(asked));
      return { close: async () => (await soon).close() };
    },
  }),
  "one of a queue gets each event; each queue, and everyone without one, has its own": asking(() => ({
    queue: undefined,
  })),
  "a queue's events are shared out among its members": (() => {
    const taken = new Set<string>();
    return (good) => ({
      async subscribe(asked) {
        const key = `${asked.queue} ${asked.name}`;
        if (taken.has(key)) return { close: async () => {} };
        taken.add(key);
        return good.subscribe(asked);
      },
    });
  })(),
  "a name is taken as it stands; * is one token, > one or more": asking(({ name }) => ({
    name: name.replace(/\*$/, ">"),
  })),
  "of one queue's names that take an event, each gets it once": asking(({ name, queue }) =>
    name.endsWith("*") && queue !== undefined ? { name: name.replace(/\*$/, "created") } : {},
  ),
  "nobody who listens is no error": () => ({ publish: () => Promise.reject(new Error("no responders")) }),
  "name, id, time, metadata, content type and payload arrive as they were given": (good) => ({
    publish: (event) => good.publish({ ...event, payload: event.payload.map((byte) => byte & 0x7f) }),
  }),
  "with a concurrency of 1 a publisher's events come in its order": (good) => ({
    publish: (event) => pass(event.id.length % 2 === 0 ? 5 : 1).then(() => good.publish(event)),
  }),
  "as many handlers run at once as the concurrency says, and no more": asking(({ concurrency }) => ({
    concurrency: concurrency + 1,
  })),
  "a payload above the bus's limit is refused, and not sent": (good) => ({
    publish: (event) => good.publish({ ...event, payload: event.payload.subarray(0, MOST_BYTES) }),
  }),
  "a handler that fails stops neither others nor what follows": (good) => ({
    subscribe(asked) {
      let failed = false;
      const handle: BusSubscription["handle"] = async (delivery) => {
        if (failed) return;
        await asked.handle(delivery).catch(() => {
          failed = true;
        });
      };
      return good.subscribe({ ...asked, handle, concurrency: 1 });
    },
  }),
  "close() of a receiver waits for handlers that run, and takes no more; others go on": (good) => ({
    async subscribe(asked) {
      const receiver = await good.subscribe(asked);
      return { close: async () => void receiver.close() };
    },
  }),
  "close() of a receiver handles what it has received: nobody else has it": (good) => ({
    async subscribe(asked) {
      let closed = false;
      const receiver = await good.subscribe({
        ...asked,
        handle: (delivery) => (closed ? Promise.resolve() : asked.handle(delivery)),
      });
      return {
        close() {
          closed = true;
          return receiver.close();
        },
      };
    },
  }),
  "close() of a bus waits for no handler; other clients go on; nothing is published into the void": (
    good,
  ) => ({
    publish: (event) => good.publish(event).catch(() => {}),
  }),
};

function harness(fault?: Fault, waitMs = 400): BusHarness {
  const name = `planted-${++worlds}`;
  return {
    delivery: "at-most-once",
    maxPayloadBytes: MOST_BYTES,
    waitMs,
    redeliveryMs: 200,
    create: () => ({
      connect() {
        const good = createMemoryBus({ runtime: nodeRuntime, name, maxPayloadBytes: MOST_BYTES });
        return { ...good, ...fault?.(good) };
      },
      close: () => {},
    }),
  };
}

const durable = busCases.filter(({ needs }) => needs === "at-least-once");
const all = busCases.filter((one) => !durable.includes(one));

test.each(all)("a planted fault is found by: $name", async ({ name, run }) => {
  const fault = faults[name];
  expect(fault, `a fault for "${name}"`).toBeDefined();
  await run(harness(undefined, 10_000));
  await expect(run(harness(fault))).rejects.toThrow();
});

test("each fault has its case", () => {
  expect(Object.keys(faults).filter((name) => !all.some((one) => one.name === name))).toEqual([]);
});

test.each(durable)("a bus that stores nothing is found by: $name", async ({ run }) => {
  await expect(run({ ...harness(), delivery: "at-least-once" })).rejects.toThrow();
});
