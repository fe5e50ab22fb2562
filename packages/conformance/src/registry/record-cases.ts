import { expect } from "vitest";
import { type RegistryCase, SOON_MS } from "./harness.ts";
import { has, sampleInstance } from "./watched.ts";

/** What is put is what is found. */
export const recordCases: readonly RegistryCase[] = [
  {
    name: "registering and deregistering are seen by another client",
    needs: ["writes", "shared"],
    async run({ lease, other, watch, harness }) {
      const held = await lease();
      const w = watch("user", await other());
      await w.until(has(), harness, SOON_MS);
      const i = sampleInstance("user");
      await held.put(i);
      expect((await w.until(has(i.id), harness, SOON_MS)).instances[0]).toEqual(i);
      await held.remove(i.id);
      await w.until(has(), harness, SOON_MS);
    },
  },
  {
    name: "deregistering twice is the same as once",
    needs: ["writes"],
    async run({ lease, registry }) {
      const held = await lease();
      const i = sampleInstance("user");
      await held.put(i);
      await held.remove(i.id);
      await held.remove(i.id);
      await held.remove("never-there");
      expect((await registry.get("user")).instances).toEqual([]);
    },
  },
  {
    name: "the same id again replaces",
    needs: ["writes"],
    async run({ lease, registry }) {
      const held = await lease();
      const i = sampleInstance("user");
      await held.put(i);
      await held.put({ ...i, weight: 3 });
      expect((await registry.get("user")).instances).toEqual([{ ...i, weight: 3 }]);
    },
  },
  {
    name: "two versions stand side by side",
    needs: ["writes"],
    async run({ lease, registry }) {
      const held = await lease();
      await held.put(sampleInstance("user", { version: "1.0.0" }));
      await held.put(sampleInstance("user", { version: "2.0.0" }));
      expect((await registry.get("user")).instances.length).toBe(2);
      expect(await registry.list()).toEqual([{ name: "user", versions: ["1.0.0", "2.0.0"], instances: 2 }]);
    },
  },
  {
    name: "the status draining is seen before the removal",
    needs: ["writes"],
    async run({ lease, watch, harness }) {
      const held = await lease();
      const i = sampleInstance("user");
      await held.put(i);
      const w = watch("user");
      await w.until(has(i.id), harness, SOON_MS);
      await held.put({ ...i, status: "draining" });
      await w.until((s) => s.instances[0]?.status === "draining", harness, SOON_MS);
      await held.remove(i.id);
      await w.until(has(), harness, SOON_MS);
    },
  },
  {
    name: "metadata comes back as it was, non-ASCII included",
    needs: ["writes"],
    async run({ lease, registry }) {
      const i = sampleInstance("user", {
        metadata: { größe: "ünï – 漢字 😀", empty: "", "a/b c": "\n\"'" },
        zone: "europe-west",
      });
      await (await lease()).put(i);
      expect((await registry.get("user")).instances).toEqual([i]);
    },
  },
  {
    name: "user does not see user-admin",
    needs: ["writes"],
    async run({ lease, registry, watch, harness }) {
      const held = await lease();
      const w = watch("user");
      await w.until(has(), harness, SOON_MS);
      const names = ["user", "user-admin", "user.admin", "users"];
      const all = names.map((name) => sampleInstance(name));
      for (const i of all) await held.put(i);
      expect((await registry.get("user")).instances).toEqual([all[0]]);
      await w.until(has(all[0]?.id as string), harness, SOON_MS);
      expect((await registry.list()).map((s) => s.name)).toEqual(names);
    },
  },
  {
    name: "records that cannot be one are refused, alike everywhere, and leave nothing",
    needs: ["writes"],
    async run({ lease, registry }) {
      const held = await lease();
      const services = ["", ".", "..", "../user", "a/b", "User", "a..b", "a b", "ü", "a\0", "x".repeat(64)];
      const odd = [
        ...services.map((service) => sampleInstance(service)),
        sampleInstance("user", { version: "" }),
        sampleInstance("user", { version: "1/2" }),
        sampleInstance("user", { id: "" }),
        sampleInstance("user", { id: "a/b" }),
        sampleInstance("user", { metadata: { long: "x".repeat(9000) } }),
      ];
      for (const i of odd)
        await expect(held.put(i), JSON.stringify(i).slice(0, 200)).rejects.toMatchObject({
          code: "INVALID_ARGUMENT",
        });
      expect(await registry.list()).toEqual([]);
      const sound = sampleInstance("x".repeat(63), {
        id: "i".repeat(128),
        metadata: { long: "x".repeat(8000) },
      });
      await held.put(sound);
      expect((await registry.get(sound.service)).instances).toEqual([sound]);
    },
  },
  {
    name: "malformed records are skipped and counted",
    needs: ["writes", "plantable"],
    async run({ lease, registry, harness }) {
      const i = sampleInstance("user");
      await (await lease()).put(i);
      const planted = await harness.plantMalformed?.("user");
      expect((await registry.get("user")).instances).toEqual([i]);
      expect((await registry.list()).map((s) => s.name)).toEqual(["user"]);
      expect(registry.malformed).toBe(planted);
    },
  },
  {
    name: "500 instances",
    needs: ["writes"],
    async run({ lease, registry, watch, harness }) {
      const held = await lease();
      const all = Array.from({ length: 500 }, () => sampleInstance("user"));
      await Promise.all(all.map((i) => held.put(i)));
      expect((await registry.get("user")).instances.length).toBe(500);
      const w = watch("user");
      await w.until((s) => s.instances.length === 500, harness, 5 * SOON_MS);
      await held.release();
      await w.until(has(), harness, 5 * SOON_MS);
    },
  },
];
