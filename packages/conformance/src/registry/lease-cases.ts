import { silentLogger } from "@skein/core";
import { createLeaseKeeper } from "@skein/core/internal";
import { expect } from "vitest";
import { EXPIRY_SLACK_MS, LONG_TTL_MS, type RegistryCase, SOON_MS } from "./harness.ts";
import { has, sampleInstance } from "./watched.ts";

/** What keeps records, and what ends them. */
export const leaseCases: readonly RegistryCase[] = [
  {
    name: "a renewed lease outlives its TTL",
    needs: ["writes", "expires"],
    async run({ lease, registry, harness }) {
      const held = await lease(4000);
      const i = sampleInstance("user");
      await held.put(i);
      for (let k = 0; k < 12; k++) {
        await harness.pass(held.ttlMs / 8);
        expect(await held.renew()).toBe("held");
      }
      expect((await registry.get("user")).instances.map((x) => x.id)).toEqual([i.id]);
    },
  },
  {
    name: "a record whose lease is not renewed is gone within TTL + 1.5 s",
    needs: ["writes", "expires"],
    async run({ lease, watch, harness }) {
      const held = await lease(harness.ttlMs);
      const i = sampleInstance("user");
      await held.put(i);
      const w = watch("user");
      await w.until(has(i.id), harness, SOON_MS);
      await w.until(has(), harness, held.ttlMs + EXPIRY_SLACK_MS);
    },
  },
  {
    name: "a lease that was lost is said to be, and the keeper heals it within TTL/3 + 1 s",
    needs: ["writes", "revocable"],
    async run({ lease, registry, watch, harness }) {
      const held = await lease();
      await held.put(sampleInstance("user"));
      await harness.revoke?.();
      expect(await held.renew()).toBe("lost");
      const { runtime, ttlMs } = harness;
      const keeper = createLeaseKeeper({ registry, runtime, logger: silentLogger, ttlMs });
      try {
        const i = sampleInstance("user");
        await keeper.put(i);
        const w = watch("user");
        await w.until(has(i.id), harness, SOON_MS);
        const { regained } = keeper.counts;
        await harness.revoke?.();
        await w.until(() => keeper.counts.regained > regained, harness, ttlMs / 3 + 1000);
        await w.until(has(i.id), harness, SOON_MS);
      } finally {
        await keeper.close();
      }
    },
  },
  {
    name: "close deregisters",
    needs: ["writes", "shared"],
    async run({ other, watch, harness }) {
      const closing = await other();
      const held = await closing.lease({ ttlMs: Math.max(harness.ttlMs, LONG_TTL_MS) });
      const i = sampleInstance("user");
      await held.put(i);
      const w = watch("user");
      await w.until(has(i.id), harness, SOON_MS);
      await closing.close();
      await closing.close();
      await w.until(has(), harness, SOON_MS);
    },
  },
  {
    name: "an aborted lease leaves nothing",
    needs: ["writes"],
    async run({ registry, harness }) {
      const before = new AbortController();
      before.abort(new Error("no longer wanted"));
      const { ttlMs } = harness;
      await expect(registry.lease({ ttlMs, signal: before.signal })).rejects.toThrow("no longer wanted");
      const meanwhile = new AbortController();
      const asked = registry.lease({ ttlMs, signal: meanwhile.signal });
      meanwhile.abort(new Error("no longer wanted"));
      const held = await asked.catch(() => undefined);
      await held?.release();
      expect(await registry.list()).toEqual([]);
    },
  },
  {
    name: "a release during a registration leaves nothing",
    needs: ["writes"],
    async run({ lease, registry }) {
      const held = await lease();
      const put = held.put(sampleInstance("user")).catch(() => {});
      await held.release();
      await put;
      expect((await registry.get("user")).instances).toEqual([]);
    },
  },
  {
    name: "a released lease is lost, and takes its records along",
    needs: ["writes"],
    async run({ lease, registry }) {
      const held = await lease();
      await held.put(sampleInstance("user"));
      await held.release();
      await held.release();
      expect(await held.renew()).toBe("lost");
      await expect(held.put(sampleInstance("user"))).rejects.toMatchObject({ name: "LeaseLostError" });
      expect((await registry.get("user")).instances).toEqual([]);
    },
  },
  {
    name: "removing and releasing never take a successor's record",
    needs: ["writes", "shared"],
    async run({ lease, other, registry, harness }) {
      const held = await lease();
      const i = sampleInstance("user");
      const gone = sampleInstance("user");
      await held.put(i);
      await held.put(gone);
      const successor = await (await other()).lease({ ttlMs: Math.max(harness.ttlMs, LONG_TTL_MS) });
      const again = { ...i, weight: 2 };
      const alone = sampleInstance("user");
      await successor.put(again);
      await successor.put(alone);
      await held.remove(i.id);
      await held.remove(alone.id);
      await held.release();
      const found = (await registry.get("user")).instances;
      expect([...found].sort((a, b) => (a.id === i.id ? -1 : b.id === i.id ? 1 : 0))).toEqual([again, alone]);
    },
  },
  {
    name: "a lease that ends never takes a successor's record",
    needs: ["writes", "shared", "expires"],
    async run({ lease, other, registry, harness }) {
      const i = sampleInstance("user");
      const ending = await lease(harness.ttlMs);
      await ending.put(i);
      const successor = await (await other()).lease({ ttlMs: Math.max(harness.ttlMs, LONG_TTL_MS) });
      await successor.put({ ...i, weight: 2 });
      await harness.pass(ending.ttlMs + EXPIRY_SLACK_MS);
      expect(await successor.renew()).toBe("held");
      expect((await registry.get("user")).instances).toEqual([{ ...i, weight: 2 }]);
    },
  },
];
