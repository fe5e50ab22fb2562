import type { Registry, Snapshot } from "@skein/core";
import { expect } from "vitest";
import { type RegistryCase, SOON_MS } from "./harness.ts";
import { has, sampleInstance } from "./watched.ts";

type Iterator = AsyncIterator<Snapshot>;
const iterate = (registry: Registry, signal: AbortSignal): Iterator =>
  registry.watch("user", { signal })[Symbol.asyncIterator]();

/** What is told of changes. */
export const watchCases: readonly RegistryCase[] = [
  {
    name: "the first snapshot comes at once, also when it is empty",
    async run({ watch, harness }) {
      await watch("nobody").until(has(), harness, SOON_MS);
    },
  },
  {
    name: "the first snapshot has everybody",
    needs: ["writes"],
    async run({ lease, registry }) {
      const held = await lease();
      const all = [sampleInstance("user"), sampleInstance("user")];
      for (const i of all) await held.put(i);
      const abort = new AbortController();
      const { value } = (await iterate(registry, abort.signal).next()) as { value: Snapshot };
      abort.abort();
      expect(has(...all.map((i) => i.id))(value)).toBe(true);
    },
  },
  {
    name: "a slow watcher gets the newest",
    needs: ["writes"],
    async run({ lease, registry }) {
      const held = await lease();
      const abort = new AbortController();
      const iterator = iterate(registry, abort.signal);
      await iterator.next();
      const all = Array.from({ length: 20 }, () => sampleInstance("user"));
      for (const i of all) await held.put(i);
      const exact = has(...all.map((i) => i.id));
      // What was being told when the last came may come first; a queue of them all may not.
      for (let n = 0; n < 10; n++) {
        const { value } = (await iterator.next()) as { value: Snapshot };
        if (!exact(value)) continue;
        abort.abort();
        return;
      }
      throw new Error("the newest snapshot did not come");
    },
  },
  {
    name: "abort and return() end a watch, and that one only",
    async run({ registry, watch, harness }) {
      const other = watch("user");
      const abort = new AbortController();
      const first = iterate(registry, abort.signal);
      await first.next();
      const pending = first.next();
      abort.abort();
      expect((await pending).done).toBe(true);
      expect((await first.next()).done).toBe(true);
      const second = iterate(registry, new AbortController().signal);
      await second.next();
      await second.return?.();
      expect((await second.next()).done).toBe(true);
      const third = iterate(registry, AbortSignal.abort());
      expect((await third.next()).done).toBe(true);
      await other.until(() => true, harness, SOON_MS);
    },
  },
  {
    name: "close ends watches",
    async run({ other }) {
      const closing = await other();
      const iterator = iterate(closing, new AbortController().signal);
      await iterator.next();
      const pending = iterator.next();
      await closing.close();
      expect((await pending).done).toBe(true);
      expect((await iterate(closing, new AbortController().signal).next()).done).toBe(true);
    },
  },
  {
    name: "the revision grows with each change, and never goes backwards",
    needs: ["writes"],
    async run({ lease, registry, watch, harness }) {
      const held = await lease();
      const w = watch("user");
      await w.until(has(), harness, SOON_MS);
      const got: number[] = [(await registry.get("user")).revision];
      for (let n = 0; n < 3; n++) {
        const i = sampleInstance("user");
        await held.put(i);
        await w.until(has(i.id), harness, SOON_MS);
        got.push((await registry.get("user")).revision);
        await held.remove(i.id);
        await w.until(has(), harness, SOON_MS);
        got.push((await registry.get("user")).revision);
      }
      for (const [n, revision] of got.entries())
        if (n > 0) expect(revision).toBeGreaterThan(got[n - 1] as number);
      const watched = w.seen.map((s) => s.revision);
      expect(watched).toEqual([...watched].sort((a, b) => a - b));
    },
  },
  {
    name: "a watch survives a cut: it says so, keeps whom it knows, and ends exact",
    needs: ["writes", "cuttable"],
    async run({ lease, watch, harness }) {
      const held = await lease();
      const before = sampleInstance("user");
      await held.put(before);
      const w = watch("user");
      await w.until(has(before.id), harness, SOON_MS);
      await harness.cut?.();
      const cut = await w.until((s) => s.stale === true, harness, SOON_MS);
      expect(cut.error).toBeInstanceOf(Error);
      expect(cut.instances).toEqual([before]);
      await harness.heal?.();
      await w.until(has(before.id), harness, SOON_MS);
      const after = sampleInstance("user");
      await held.put(after);
      await held.remove(before.id);
      await w.until(has(after.id), harness, SOON_MS);
      expect(w.seen.every((s) => s.instances.length > 0)).toBe(true);
    },
  },
];
