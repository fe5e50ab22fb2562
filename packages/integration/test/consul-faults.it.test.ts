import { afterAll, describe, expect, test } from "vitest";
import { consulBackend } from "./backends.ts";
import { printTable, row } from "./fault-table.ts";
import { World } from "./world.ts";

const TTL_MS = 3000;
/** What is promised; a busy machine gets twice that. */
const BACK_MS = TTL_MS / 3 + 1000;
const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** @param alive false: the watch need not have heard of it yet */
async function healed(world: World, fault: string, alive = true): Promise<void> {
  const began = performance.now();
  await world.registered();
  if (alive) await world.exact();
  const took = performance.now() - began;
  row(fault, world.calls, world.failed, took, BACK_MS);
  expect(world.failures).toEqual([]);
  expect(took).toBeLessThan(2 * BACK_MS);
  if (!alive) return;
  await world.replaceOne();
  await world.exact(BACK_MS + TTL_MS);
  expect(world.failures).toEqual([]);
}

describe("a Consul agent (the fake) under faults: no call fails, everybody is back", () => {
  afterAll(() => printTable(`Consul (fake), TTL ${TTL_MS / 1000} s`));

  test.each([
    ["restarted without data", true, 500],
    ["down for 2 x TTL", false, 2 * TTL_MS],
    ["down for 2 x TTL, then without data", true, 2 * TTL_MS],
  ] as const)(
    "%s",
    async (fault, wiped, ms) => {
      await using backend = await consulBackend();
      await using world = await World.start(backend.url, TTL_MS);
      await backend.fake.stop();
      if (wiped) backend.fake.wipe();
      await pass(ms);
      await backend.fake.start();
      await healed(world, fault);
    },
    60_000,
  );

  test.each([
    ["403", { status: 403, body: "Permission denied" }],
    ["500", { status: 500, body: "rpc error: No cluster leader" }],
    ["garbage", "garbage"],
    ["no answer", "stuck"],
  ] as const)(
    "%s for 2 x TTL, at most ten requests a second from each client",
    async (name, fault) => {
      await using backend = await consulBackend();
      const { fake } = backend;
      await using world = await World.start(backend.url, TTL_MS);
      const before = fake.requests.length;
      fake.fault = () => fault;
      await pass(2 * TTL_MS);
      // Three services, a client and a watcher.
      expect(fake.requests.length - before).toBeLessThanOrEqual(5 * 10 * ((2 * TTL_MS) / 1000));
      fake.fault = () => undefined;
      // A blocking query that was sent into the silence cannot be told from one that has nothing to tell: it ends with its wait, a minute.
      await healed(world, `${name} for 2 x TTL`, fault !== "stuck");
    },
    60_000,
  );
});
