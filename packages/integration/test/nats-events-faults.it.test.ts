import { nodeRuntime as runtime } from "@skein/conformance/node";
import { type BusEvent, type EventBus, RpcError, silentLogger } from "@skein/core";
import { createEventBus } from "@skein/nats";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NatsServer, natsBinary } from "../../nats/src/test/nats-server.ts";
import { unsettled } from "../../nats/src/test/unsettled.ts";

const EVERY_MS = 2;
const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Publishes one event after the other, each until the bus has taken it, with one id. */
class Publisher {
  readonly taken: string[] = [];
  /** What publish() was told, by `executed`, and how long that took, ms. */
  readonly told = { no: 0, maybe: 0 };
  readonly noMs: number[] = [];
  slowestMs = 0;
  /** Was told "maybe", and published again. */
  readonly doubted = new Set<string>();
  /** When an event was taken last, monotonic ms. */
  takenAt = 0;
  #stopped = false;
  readonly #bus: EventBus;
  readonly #done: Promise<void>;

  constructor(bus: EventBus) {
    this.#bus = bus;
    this.#done = this.#run();
  }

  async #run(): Promise<void> {
    for (let n = 0; !this.#stopped; n++) {
      const event: BusEvent = {
        name: "order.paid",
        id: `e${n}`,
        publishedAt: Date.now(),
        metadata: {},
        contentType: "application/json",
        payload: Buffer.from(String(n)),
      };
      while (!(await this.#try(event))) await pass(20);
      this.taken.push(event.id);
      await pass(EVERY_MS);
    }
  }

  async #try(event: BusEvent): Promise<boolean> {
    const begun = performance.now();
    try {
      await this.#bus.publish(event);
      this.takenAt = performance.now();
      return true;
    } catch (error) {
      if (!RpcError.is(error) || error.code !== "UNAVAILABLE" || error.executed === "yes") throw error;
      this.told[error.executed]++;
      if (error.executed === "maybe") this.doubted.add(event.id);
      const ms = performance.now() - begun;
      if (error.executed === "no") this.noMs.push(ms);
      this.slowestMs = Math.max(this.slowestMs, ms);
      return false;
    }
  }

  /** The median. */
  get usualNoMs(): number {
    return this.noMs.toSorted((a, b) => a - b)[this.noMs.length >> 1] ?? 0;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
  }
}

describe.skipIf(natsBinary() === undefined)("faults of a real nats-server under events", () => {
  let server: NatsServer;
  const undo: (() => unknown)[] = [];
  const open = (query: string): EventBus => {
    const bus = createEventBus(`${server.url}/?${query}`, { runtime, logger: silentLogger });
    undo.push(() => bus.close());
    return bus;
  };
  /** Two of a queue; what both have handled, and when the last was. */
  const handle = async (query: string): Promise<{ ids: string[]; firstAfter(ms: number): number }> => {
    const ids: string[] = [];
    const times: number[] = [];
    for (let i = 0; i < 2; i++)
      await open(query).subscribe({
        name: "order.*",
        queue: "books",
        concurrency: 8,
        from: "all",
        async handle({ event }) {
          await pass(3);
          ids.push(event.id);
          times.push(performance.now());
        },
        onTrouble: () => {},
      });
    return { ids, firstAfter: (ms) => times.find((time) => time > ms) ?? Number.POSITIVE_INFINITY };
  };

  beforeEach(async () => {
    server = await NatsServer.startJetStream();
  });
  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step();
    await server.close();
  });

  test("JetStream, killed and down for 5 s: publishers are told at once, and each event is handled", async () => {
    const handled = await handle("stream=EVENTS");
    const publisher = new Publisher(open("stream=EVENTS"));
    await pass(1000);
    await server.kill();
    await pass(5000);
    await server.start();
    const opened = performance.now();
    await expect.poll(() => publisher.takenAt, { timeout: 10_000, interval: 10 }).toBeGreaterThan(opened);
    await expect.poll(() => handled.firstAfter(opened), { timeout: 10_000, interval: 10 }).toBeLessThan(1e12);
    const back = [publisher.takenAt - opened, handled.firstAfter(opened) - opened].map(Math.round);
    await pass(500);
    await publisher.stop();
    const { taken, told } = publisher;
    await expect.poll(() => new Set(handled.ids).size, { timeout: 10_000 }).toBe(taken.length);
    console.info(
      `${taken.length} events, handled ${handled.ids.length}; told no ${told.no}, maybe ${told.maybe}; a "no" took ${publisher.usualNoMs.toFixed(1)} ms; taken again ${back[0]} ms and handled again ${back[1]} ms after the port opened`,
    );
    // A server that is killed loses what it was told within its last moments: what was done, and what it stored.
    expect(handled.ids.length - taken.length).toBeLessThanOrEqual(32);
    expect(told.no).toBeGreaterThan(10);
    expect(publisher.usualNoMs).toBeLessThan(50);
    expect(back[1]).toBeLessThan(5000);
  }, 60_000);

  test("JetStream, frozen for 10 s: nobody waits longer than the bus says, and each event is handled exactly once", async () => {
    const handled = await handle("stream=EVENTS");
    const publisher = new Publisher(open("stream=EVENTS"));
    await pass(1000);
    server.stop();
    await pass(10_000);
    server.resume();
    const resumed = performance.now();
    await expect.poll(() => publisher.takenAt, { timeout: 10_000, interval: 10 }).toBeGreaterThan(resumed);
    await pass(500);
    await publisher.stop();
    const { taken, told } = publisher;
    // What was on its way over a connection that the freeze has ended comes again after ackWait, which is 30 s.
    await expect.poll(() => new Set(handled.ids).size, { timeout: 40_000 }).toBe(taken.length);
    await expect.poll(() => unsettled(server.url, "EVENTS"), { timeout: 6000 }).toBe(0);
    console.info(
      `${taken.length} events, handled ${handled.ids.length}; told no ${told.no}, maybe ${told.maybe}; slowest answer ${Math.round(publisher.slowestMs)} ms; taken again ${Math.round(publisher.takenAt - resumed)} ms after it went on`,
    );
    expect(handled.ids.length).toBe(taken.length);
    expect(told.maybe).toBeGreaterThan(0);
    expect(publisher.slowestMs).toBeLessThan(8000);
  }, 90_000);

  test("NATS alone, killed and down for 5 s: what was taken while all were connected is handled, at most once", async () => {
    const handled = await handle("");
    const publisher = new Publisher(open(""));
    await pass(1000);
    await server.kill();
    const lost = publisher.taken.length;
    await pass(5000);
    await server.start();
    const opened = performance.now();
    await expect.poll(() => handled.firstAfter(opened), { timeout: 10_000, interval: 10 }).toBeLessThan(1e12);
    const back = Math.round(handled.firstAfter(opened) - opened);
    await pass(500);
    await publisher.stop();
    await pass(200);
    const { taken, told } = publisher;
    const once = new Set(handled.ids);
    const missing = taken.filter((id) => !once.has(id));
    console.info(
      `${taken.length} events, handled ${handled.ids.length}, missing ${missing.length}; told no ${told.no}, maybe ${told.maybe}; handled again ${back} ms after the port opened`,
    );
    // But for what its publisher has published twice.
    const twice = handled.ids.filter((id, n) => handled.ids.indexOf(id) !== n);
    expect(twice.filter((id) => !publisher.doubted.has(id))).toEqual([]);
    // Taken just before the end, and on their way; or taken before a subscriber was back.
    expect(missing.length).toBeLessThan(100);
    expect(missing.every((id) => Math.abs(taken.indexOf(id) - lost) < 150)).toBe(true);
    expect(publisher.usualNoMs).toBeLessThan(50);
  }, 60_000);
});
