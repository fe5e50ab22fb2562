import type { RegistryHarness } from "@skein/conformance";
import type { Lease, Registry, Snapshot } from "@skein/core";
import { localHarness } from "./local-harness.ts";

/** A registry with one fault, and the case that must find it. */
export interface Planted {
  readonly case: string;
  registry?(good: Registry): Partial<Registry>;
  /** @param all leases of the registry so far, this one included @param owners kept for all leases */
  lease?(good: Lease, all: readonly Lease[], owners: Map<string, Lease>): Partial<Lease>;
  /** Leases do not expire. */
  readonly immortal?: boolean;
  /** The case waits for something that never comes: no time limit ends it. */
  readonly hangs?: true;
  /** The registry that has the fault. @default memory */
  readonly over?: (wrap: (good: Registry) => Registry) => RegistryHarness;
}

/** Methods of a class's instance are behind its prototype: each is passed on. */
export function passOn(good: Lease): Lease {
  return {
    ttlMs: good.ttlMs,
    renew: () => good.renew(),
    put: (i) => good.put(i),
    remove: (id) => good.remove(id),
    release: () => good.release(),
  };
}

export const PLANTED: readonly Planted[] = [
  {
    case: "the first snapshot comes at once, also when it is empty",
    registry: (good) => ({
      async *watch(service, o) {
        for await (const s of good.watch(service, o)) if (s.instances.length > 0) yield s;
      },
    }),
  },
  {
    case: "registering and deregistering are seen by another client",
    registry: (good) => ({
      async *watch(service, o) {
        let n = 0;
        for await (const s of good.watch(service, o)) if (n++ < 2) yield s;
      },
    }),
  },
  {
    case: "deregistering twice is the same as once",
    lease: (good) => {
      const gone = new Set<string>();
      return {
        async remove(id) {
          if (gone.has(id)) throw new Error("no such record");
          gone.add(id);
          await good.remove(id);
        },
      };
    },
  },
  {
    case: "the same id again replaces",
    lease: (good) => {
      const seen = new Set<string>();
      return {
        async put(i) {
          if (!seen.has(i.id)) await good.put(i);
          seen.add(i.id);
        },
      };
    },
  },
  {
    case: "two versions stand side by side",
    lease: (good) => {
      let last = "";
      return {
        async put(i) {
          if (last !== "") await good.remove(last);
          last = i.id;
          await good.put(i);
        },
      };
    },
  },
  {
    case: "the status draining is seen before the removal",
    lease: (good) => ({ put: async (i) => (i.status === "draining" ? undefined : good.put(i)) }),
  },
  {
    case: "metadata comes back as it was, non-ASCII included",
    lease: (good) => ({
      put: (i) =>
        good.put({
          ...i,
          metadata: Object.fromEntries(
            Object.entries(i.metadata).map(([k, v]) => [k, v.replaceAll(/[^\x20-\x7e]/g, "?")]),
          ),
        }),
    }),
  },
  { case: "a renewed lease outlives its TTL", lease: () => ({ renew: async () => "held" as const }) },
  { case: "a record whose lease is not renewed is gone within TTL + 1.5 s", immortal: true },
  {
    case: "a slow watcher gets the newest",
    registry: (good) => ({
      async *watch(service, o) {
        const queue: Snapshot[] = [];
        let wake: () => void = () => {};
        void (async () => {
          for await (const s of good.watch(service, o)) {
            queue.push(s);
            wake();
          }
        })();
        for (;;) {
          const next = queue.shift();
          if (next !== undefined) yield next;
          else
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
        }
      },
    }),
  },
  {
    case: "abort and return() end a watch, and that one only",
    hangs: true,
    registry: (good) => ({
      watch: (service) => good.watch(service, { signal: new AbortController().signal }),
    }),
  },
  {
    case: "user does not see user-admin",
    registry: (good) => ({
      async get(service) {
        const all = await Promise.all(
          (await good.list()).filter((s) => s.name.startsWith(service)).map((s) => good.get(s.name)),
        );
        return { instances: all.flatMap((s) => s.instances), revision: 1 };
      },
    }),
  },
  { case: "close deregisters", registry: () => ({ close: async () => {} }) },
  {
    case: "an aborted lease leaves nothing",
    registry: (good) => ({ lease: ({ ttlMs }) => good.lease({ ttlMs }) }),
  },
  {
    case: "a released lease is lost, and takes its records along",
    lease: () => ({ release: async () => {} }),
  },
  {
    case: "removing and releasing never take a successor's record",
    lease: (good, all) => ({
      remove: async (id) => void (await Promise.all(all.map((l) => l.remove(id)))),
      release: () => good.release(),
    }),
  },
  {
    case: "a lease that ends never takes a successor's record",
    lease: (good, _, owners) => ({
      async put(i) {
        const owner = owners.get(i.id) ?? good;
        owners.set(i.id, owner);
        await owner.put(i);
      },
    }),
  },
  {
    case: "the first snapshot has everybody",
    registry: (good) => ({
      async *watch(service, o) {
        let n = 0;
        for await (const s of good.watch(service, o))
          yield n++ === 0 ? { ...s, instances: s.instances.slice(1) } : s;
      },
    }),
  },
  { case: "close ends watches", hangs: true, registry: () => ({ close: async () => {} }) },
  {
    case: "the revision grows with each change, and never goes backwards",
    registry: (good) => ({ get: async (service) => ({ ...(await good.get(service)), revision: 1 }) }),
  },
  {
    case: "a watch survives a cut: it says so, keeps whom it knows, and ends exact",
    over: localHarness,
    registry: (good) => ({
      async *watch(service, o) {
        for await (const s of good.watch(service, o)) yield s.stale === true ? { ...s, instances: [] } : s;
      },
    }),
  },
  {
    case: "malformed records are skipped and counted",
    over: localHarness,
    registry: (good) => ({
      async get(service) {
        const found = await good.get(service);
        if ((good.malformed ?? 0) > 0) throw new SyntaxError("Unexpected end of JSON input");
        return found;
      },
    }),
  },
  {
    case: "records that cannot be one are refused, alike everywhere, and leave nothing",
    lease: (good) => ({
      put: (i) => good.put(i.service === "User" ? { ...i, service: i.service.toLowerCase() } : i),
    }),
  },
  {
    case: "a lease that was lost is said to be, and the keeper heals it within TTL/3 + 1 s",
    lease: () => ({ renew: async () => "held" as const }),
  },
  {
    case: "a release during a registration leaves nothing",
    registry: (good) => ({
      async lease(o) {
        const first = await good.lease(o);
        return {
          ...passOn(first),
          async put(i) {
            await undefined;
            await first.put(i).catch(async () => (await good.lease(o)).put(i));
          },
        };
      },
    }),
  },
  {
    case: "500 instances",
    lease: (good) => {
      let n = 0;
      return { put: async (i) => (++n > 400 ? undefined : good.put(i)) };
    },
  },
];
