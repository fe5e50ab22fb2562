import type { Instance, Lease, Registry, Snapshot } from "@skein/core";
import { describe, expect, test } from "vitest";

/** What a backend can do. What it lacks is reported as skipped. @default all true */
export interface RegistryAbilities {
  /** Records end by themselves when their lease is not renewed. */
  readonly expires: boolean;
  /** Two clients of one registry see each other. */
  readonly shared: boolean;
  /** Records of others can be planted, to see that malformed ones are skipped. */
  readonly plantable: boolean;
}

/** A registry under test, made anew for each case. */
export interface RegistryHarness {
  readonly abilities?: Partial<RegistryAbilities>;
  /** Another client of the same store each time; all are closed by `close`. */
  connect(): Promise<Registry> | Registry;
  /** Shortest TTL that the backend can hold, ms. */
  readonly ttlMs: number;
  /** Lets so many ms pass: really, or on a fake clock. */
  pass(ms: number): Promise<void>;
  /** Plants a record that is none. */
  plantMalformed?(service: string): Promise<void>;
  close(): Promise<void>;
}

/** After a crash the record is gone by TTL and so much more, ms. */
const EXPIRY_SLACK_MS = 1500;
let made = 0;

/** An instance as any service would announce it. */
export function sampleInstance(service: string, given: Partial<Instance> = {}): Instance {
  made++;
  return {
    service,
    version: "1.0.0",
    id: `i${made}-${Math.random().toString(36).slice(2)}`,
    addresses: [{ protocol: "skein", url: `tcp://127.0.0.1:${20_000 + (made % 10_000)}` }],
    weight: 1,
    status: "serving",
    startedAt: "2026-01-01T00:00:00.000Z",
    metadata: {},
    ...given,
  };
}

/** A watch that is read as it comes; waits for what is expected, and says what was seen instead. */
export class Watched {
  readonly seen: Snapshot[] = [];
  readonly #abort = new AbortController();
  readonly #done: Promise<void>;
  #look: (() => void) | undefined;

  constructor(registry: Registry, service: string) {
    this.#done = this.#read(registry.watch(service, { signal: this.#abort.signal }));
  }
  async #read(snapshots: AsyncIterable<Snapshot>): Promise<void> {
    for await (const snapshot of snapshots) {
      this.seen.push(snapshot);
      this.#look?.();
    }
  }
  get ids(): string[] {
    return (this.seen.at(-1)?.instances ?? []).map((i) => i.id).sort();
  }
  /** Resolves once `ok` holds for the newest snapshot; lets time pass by `pass` meanwhile. */
  async until(
    ok: (snapshot: Snapshot) => boolean,
    harness: RegistryHarness,
    withinMs: number,
  ): Promise<Snapshot> {
    for (let waited = 0; ; waited += 50) {
      const newest = this.seen.at(-1);
      if (newest !== undefined && ok(newest)) return newest;
      if (waited > withinMs)
        throw new Error(`not seen within ${withinMs} ms; the newest is ${JSON.stringify(newest)}`);
      await harness.pass(50);
    }
  }
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#done;
  }
}

interface World {
  readonly harness: RegistryHarness;
  readonly registry: Registry;
  readonly lease: Lease;
  watch(service: string, registry?: Registry): Watched;
  other(): Promise<Registry>;
}
export interface RegistryCase {
  readonly name: string;
  readonly needs?: keyof RegistryAbilities;
  run(world: World): Promise<void>;
}

const SOON_MS = 3000;
const has =
  (...ids: string[]) =>
  (s: Snapshot): boolean =>
    JSON.stringify(s.instances.map((i) => i.id).sort()) === JSON.stringify(ids.sort());

export const registryCases: readonly RegistryCase[] = [
  {
    name: "the first snapshot comes at once, also when it is empty",
    async run({ watch, harness }) {
      const w = watch("user");
      await w.until((s) => s.instances.length === 0 && s.error === undefined, harness, SOON_MS);
    },
  },
  {
    name: "registering and deregistering are seen by another client",
    needs: "shared",
    async run({ lease, other, watch, harness }) {
      const w = watch("user", await other());
      await w.until(has(), harness, SOON_MS);
      const i = sampleInstance("user");
      await lease.put(i);
      expect((await w.until(has(i.id), harness, SOON_MS)).instances[0]).toEqual(i);
      await lease.remove(i.id);
      await w.until(has(), harness, SOON_MS);
    },
  },
  {
    name: "deregistering twice is the same as once",
    async run({ lease, registry }) {
      const i = sampleInstance("user");
      await lease.put(i);
      await lease.remove(i.id);
      await lease.remove(i.id);
      await lease.remove("never there");
      expect((await registry.get("user")).instances).toEqual([]);
    },
  },
  {
    name: "the same id again replaces",
    async run({ lease, registry }) {
      const i = sampleInstance("user");
      await lease.put(i);
      await lease.put({ ...i, weight: 3 });
      expect((await registry.get("user")).instances).toEqual([{ ...i, weight: 3 }]);
    },
  },
  {
    name: "two versions stand side by side",
    async run({ lease, registry }) {
      const a = sampleInstance("user", { version: "1.0.0" });
      const b = sampleInstance("user", { version: "2.0.0" });
      await lease.put(a);
      await lease.put(b);
      expect((await registry.get("user")).instances.length).toBe(2);
      expect(await registry.list()).toEqual([{ name: "user", versions: ["1.0.0", "2.0.0"], instances: 2 }]);
    },
  },
  {
    name: "the status draining is seen before the removal",
    async run({ lease, watch, harness }) {
      const i = sampleInstance("user");
      await lease.put(i);
      const w = watch("user");
      await w.until(has(i.id), harness, SOON_MS);
      await lease.put({ ...i, status: "draining" });
      await w.until((s) => s.instances[0]?.status === "draining", harness, SOON_MS);
      await lease.remove(i.id);
      await w.until(has(), harness, SOON_MS);
    },
  },
  {
    name: "metadata comes back as it was, non-ASCII included",
    async run({ lease, registry }) {
      const i = sampleInstance("user", {
        metadata: { größe: "ünï – 漢字 😀", empty: "", "a/b c": "\n\"'" },
        zone: "europe-west",
      });
      await lease.put(i);
      expect((await registry.get("user")).instances).toEqual([i]);
    },
  },
  {
    name: "a renewed lease outlives its TTL",
    needs: "expires",
    async run({ lease, registry, harness }) {
      const i = sampleInstance("user");
      await lease.put(i);
      for (let k = 0; k < 6; k++) {
        await harness.pass(lease.ttlMs / 3);
        expect(await lease.renew()).toBe("held");
      }
      expect((await registry.get("user")).instances.map((x) => x.id)).toEqual([i.id]);
    },
  },
  {
    name: "a record whose lease is not renewed is gone within TTL + 1.5 s",
    needs: "expires",
    async run({ lease, watch, harness }) {
      const i = sampleInstance("user");
      await lease.put(i);
      const w = watch("user");
      await w.until(has(i.id), harness, SOON_MS);
      await w.until(has(), harness, lease.ttlMs + EXPIRY_SLACK_MS);
    },
  },
  {
    name: "a slow watcher gets the newest",
    async run({ lease, registry }) {
      const abort = new AbortController();
      const iterator = registry.watch("user", { signal: abort.signal })[Symbol.asyncIterator]();
      await iterator.next();
      const all = [sampleInstance("user"), sampleInstance("user"), sampleInstance("user")];
      for (const i of all) await lease.put(i);
      const ids = all.map((i) => i.id).sort();
      for (let n = 0; n < 5; n++) {
        const { value } = (await iterator.next()) as { value: Snapshot };
        if (value.instances.length === 3) {
          expect(value.instances.map((i) => i.id).sort()).toEqual(ids);
          abort.abort();
          return;
        }
      }
      throw new Error("the newest snapshot did not come");
    },
  },
  {
    name: "abort and return() end a watch",
    async run({ registry }) {
      const abort = new AbortController();
      const first = registry.watch("user", { signal: abort.signal })[Symbol.asyncIterator]();
      await first.next();
      const pending = first.next();
      abort.abort();
      expect((await pending).done).toBe(true);
      const second = registry.watch("user", { signal: new AbortController().signal })[Symbol.asyncIterator]();
      await second.next();
      await second.return?.();
      expect((await second.next()).done).toBe(true);
    },
  },
  {
    name: "user does not see user-admin",
    async run({ lease, registry, watch, harness }) {
      const w = watch("user");
      await w.until(has(), harness, SOON_MS);
      const user = sampleInstance("user");
      for (const i of [
        user,
        sampleInstance("user-admin"),
        sampleInstance("user.admin"),
        sampleInstance("users"),
      ])
        await lease.put(i);
      expect((await registry.get("user")).instances).toEqual([user]);
      await w.until(has(user.id), harness, SOON_MS);
      expect((await registry.list()).map((s) => s.name)).toEqual([
        "user",
        "user-admin",
        "user.admin",
        "users",
      ]);
    },
  },
  {
    name: "close deregisters",
    needs: "shared",
    async run({ other, watch, harness }) {
      const closing = await other();
      const lease = await closing.lease({ ttlMs: harness.ttlMs });
      const i = sampleInstance("user");
      await lease.put(i);
      const w = watch("user");
      await w.until(has(i.id), harness, SOON_MS);
      await closing.close();
      await closing.close();
      await w.until(has(), harness, Math.min(SOON_MS, harness.ttlMs / 2));
    },
  },
  {
    name: "an aborted lease leaves nothing",
    async run({ registry, harness }) {
      const abort = new AbortController();
      abort.abort(new Error("no longer wanted"));
      await expect(registry.lease({ ttlMs: harness.ttlMs, signal: abort.signal })).rejects.toThrow();
      expect((await registry.get("user")).instances).toEqual([]);
    },
  },
  {
    name: "a released lease is lost, and takes its records along",
    async run({ lease, registry }) {
      await lease.put(sampleInstance("user"));
      await lease.release();
      await lease.release();
      expect(await lease.renew()).toBe("lost");
      await expect(lease.put(sampleInstance("user"))).rejects.toMatchObject({ name: "LeaseLostError" });
      expect((await registry.get("user")).instances).toEqual([]);
    },
  },
  {
    name: "removing never takes a successor's record",
    needs: "shared",
    async run({ lease, other, registry, harness }) {
      const i = sampleInstance("user");
      await lease.put(i);
      const successor = await (await other()).lease({ ttlMs: harness.ttlMs });
      const again = { ...i, id: `${i.id}-2` };
      await successor.put(again);
      await lease.remove(i.id);
      await lease.remove(again.id);
      await lease.release();
      expect((await registry.get("user")).instances).toEqual([again]);
    },
  },
  {
    name: "malformed records are skipped",
    needs: "plantable",
    async run({ lease, registry, harness }) {
      const i = sampleInstance("user");
      await lease.put(i);
      await harness.plantMalformed?.("user");
      expect((await registry.get("user")).instances).toEqual([i]);
      expect((await registry.list()).map((s) => s.name)).toEqual(["user"]);
    },
  },
  {
    name: "500 instances",
    async run({ lease, registry, watch, harness }) {
      const all = Array.from({ length: 500 }, () => sampleInstance("user"));
      await Promise.all(all.map((i) => lease.put(i)));
      expect((await registry.get("user")).instances.length).toBe(500);
      const w = watch("user");
      await w.until((s) => s.instances.length === 500, harness, 5 * SOON_MS);
    },
  },
];

/** Runs one case against a fresh registry. Rejects when the backend is at fault. */
export async function runRegistryCase(each: RegistryCase, harness: RegistryHarness): Promise<void> {
  const watches: Watched[] = [];
  try {
    const registry = await harness.connect();
    const lease = await registry.lease({ ttlMs: harness.ttlMs });
    await each.run({
      harness,
      registry,
      lease,
      other: async () => harness.connect(),
      watch(service, of = registry) {
        const watched = new Watched(of, service);
        watches.push(watched);
        return watched;
      },
    });
  } finally {
    await Promise.all(watches.map((w) => w.stop()));
    await harness.close();
  }
}

/** The definition of a registry: every backend passes it. */
export function registryConformance(
  name: string,
  harness: () => RegistryHarness | Promise<RegistryHarness>,
): void {
  describe(`registry conformance: ${name}`, () => {
    for (const each of registryCases)
      test(each.name, async ({ skip }) => {
        const world = await harness();
        const able = each.needs === undefined || (world.abilities?.[each.needs] ?? true);
        if (!able) {
          await world.close();
          skip(`${name} is not able to: ${each.needs}`);
        }
        await runRegistryCase(each, world);
      });
  });
}
