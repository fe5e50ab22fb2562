import { beforeEach, describe, expect, test } from "vitest";
import { connect, follow, instance, publish, same, start, timeUntil, world } from "./test/fake-world.ts";

beforeEach(() => start(1));

describe("when the network is away", () => {
  test("a watch says so within 2 s of its next question, keeps whom it knows however long, and ends exact", async () => {
    const staying = await publish(2, 10_000);
    const leaving = await publish(1, 10_000);
    const { registry, medium } = connect();
    const watch = follow(registry);
    await timeUntil(() => same(watch.ids, [...staying.ids, ...leaving.ids]), 3000);
    await world.runtime.clock.advanceAsync(20_000);
    medium.cut = true;
    // Renewals do not come: it asks at 80 % of the TTL.
    expect(await timeUntil(() => watch.newest?.stale === true, 10_000)).toBeLessThan(10_000);
    expect(watch.newest?.error).toMatchObject({ code: "UNAVAILABLE" });
    await leaving.keeper.close();
    await world.runtime.clock.advanceAsync(600_000);
    expect(same(watch.ids, [...staying.ids, ...leaving.ids])).toBe(true);
    medium.cut = false;
    const exact = (): boolean => watch.newest?.stale !== true && same(watch.ids, staying.ids);
    expect(await timeUntil(exact, 10_000)).toBeLessThanOrEqual(10_000 / 3 + 1500);
    expect(watch.seen.every(({ snapshot }) => snapshot.instances.length >= 2)).toBe(true);
  });

  test.each([2000, 3000, 5000])(
    "nobody is missing before the silence is noticed, with a TTL of %i ms",
    async (ttlMs) => {
      for (let seed = 1; seed <= 20; seed++) {
        start(seed);
        const { ids } = await publish(3, ttlMs);
        const { registry, medium } = connect();
        const watch = follow(registry);
        await timeUntil(() => same(watch.ids, ids), 3000);
        await world.runtime.clock.advanceAsync(10_000 + world.runtime.random() * ttlMs);
        const before = watch.seen.length;
        medium.cut = true;
        expect(await timeUntil(() => watch.newest?.stale === true, ttlMs + 1000)).toBeLessThanOrEqual(
          ttlMs + 1000,
        );
        await world.runtime.clock.advanceAsync(5 * ttlMs);
        medium.cut = false;
        expect(await timeUntil(() => watch.newest?.stale !== true, 3000)).toBeLessThanOrEqual(3000);
        expect(watch.seen.slice(before).every(({ snapshot }) => snapshot.instances.length === 3)).toBe(true);
      }
    },
  );

  test.each([0.5, 1, 1.5, 3, 10, 100])(
    "a process that was cut off for %f TTLs is back within TTL/3 + 1 s",
    async (times) => {
      const ttlMs = 10_000;
      const { medium, ids } = await publish(2, ttlMs);
      const watch = follow(connect().registry);
      await timeUntil(() => same(watch.ids, ids), 3000);
      medium.cut = true;
      await world.runtime.clock.advanceAsync(times * ttlMs);
      expect(same(watch.ids, ids)).toBe(times < 0.7);
      medium.cut = false;
      expect(await timeUntil(() => same(watch.ids, ids), ttlMs)).toBeLessThanOrEqual(ttlMs / 3 + 1000);
    },
  );

  test("who comes back a little later than the watcher is not taken for gone", async () => {
    const { medium, ids } = await publish(2, 10_000);
    const watching = connect();
    const watch = follow(watching.registry);
    await timeUntil(() => same(watch.ids, ids), 3000);
    watching.medium.cut = true;
    medium.cut = true;
    await world.runtime.clock.advanceAsync(60_000);
    watching.medium.cut = false;
    await world.runtime.clock.advanceAsync(2000);
    medium.cut = false;
    await world.runtime.clock.advanceAsync(20_000);
    expect(watch.newest?.stale).toBeUndefined();
    expect(
      watch.seen.every(({ snapshot }) =>
        same(
          snapshot.instances.map((i) => i.id),
          ids,
        ),
      ),
    ).toBe(true);
  });

  test("a new interface is told of everybody, and asked", async () => {
    const { medium, ids } = await publish(2, 30_000);
    const watching = connect();
    watching.medium.cut = true;
    const watch = follow(watching.registry, "user");
    await world.runtime.clock.advanceAsync(5000);
    Object.assign(world.network.sent, { query: 0, response: 0 });
    medium.onNewWay();
    await world.runtime.clock.advanceAsync(20);
    expect(world.network.sent.response).toBe(1);
    watching.medium.cut = false;
    watching.medium.onNewWay();
    expect(await timeUntil(() => same(watch.ids, ids), 1000)).toBeLessThanOrEqual(1000);
  });

  test("get and list reject", async () => {
    const { registry, medium } = connect();
    medium.cut = true;
    const asked = Promise.allSettled([registry.get("user"), registry.list()]);
    await world.runtime.clock.advanceAsync(2000);
    const error = { code: "UNAVAILABLE", message: expect.stringContaining("the network is silent") };
    expect(await asked).toMatchObject([{ reason: error }, { reason: error }]);
  });

  test("no socket can be opened: leases and get reject, watches say so and go on when there is one", async () => {
    const { registry, medium } = connect();
    medium.fault = new Error("no interface");
    const watch = follow(registry);
    await expect(registry.lease({ ttlMs: 1000 })).rejects.toThrow("no interface");
    await expect(registry.get("user")).rejects.toThrow("no interface");
    await world.runtime.clock.advanceAsync(30_000);
    expect(watch.seen.map(({ snapshot }) => snapshot.stale)).toEqual([true]);
    medium.fault = undefined;
    await world.runtime.clock.advanceAsync(6000);
    expect(watch.newest).toEqual({ instances: [], revision: 0 });
  });

  test("what cannot be sent is not registered, and not renewed", async () => {
    const { registry, medium } = connect();
    const lease = await registry.lease({ ttlMs: 1000 });
    medium.fault = new Error("ENETUNREACH");
    await expect(lease.put(instance())).rejects.toThrow("ENETUNREACH");
    await world.runtime.clock.advanceAsync(500);
    await expect(lease.renew()).rejects.toThrow("ENETUNREACH");
    await world.runtime.clock.advanceAsync(501);
    medium.fault = undefined;
    expect(await lease.renew()).toBe("lost");
  });
});
