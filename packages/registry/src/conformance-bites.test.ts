import { type RegistryHarness, registryCases, runRegistryCase } from "@skein/conformance";
import type { Lease, Registry } from "@skein/core";
import { createFakeRuntime } from "@skein/core/testing";
import { expect, test } from "vitest";
import { createMemoryRegistry } from "./memory.ts";

/** A registry with one fault; the case that must find it. */
interface Planted {
  readonly case: string;
  registry?(good: Registry): Partial<Registry>;
  lease?(good: Lease): Partial<Lease>;
  /** Leases do not expire. */
  readonly immortal?: boolean;
}

const PLANTED: readonly Planted[] = [
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
        for await (const s of good.watch(service, o)) if (s.instances.length < 3) yield s;
      },
    }),
  },
  {
    case: "abort and return() end a watch",
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
    case: "removing never takes a successor's record",
    registry: (good) => {
      return {
        async lease(o) {
          const lease = await good.lease(o);
          everyLease.push(lease);
          return {
            ...wrap(lease, {}),
            remove: async (id) => void (await Promise.all(everyLease.map((l) => l.remove(id)))),
          };
        },
      };
    },
  },
  {
    case: "500 instances",
    lease: (good) => {
      let n = 0;
      return { put: async (i) => (++n > 400 ? undefined : good.put(i)) };
    },
  },
];
const everyLease: Lease[] = [];

/** Class instances keep their methods behind a prototype: each is passed on. */
function wrap(good: Lease, over: Partial<Lease>): Lease {
  return {
    ttlMs: good.ttlMs,
    renew: () => good.renew(),
    put: (i) => good.put(i),
    remove: (id) => good.remove(id),
    release: () => good.release(),
    ...over,
  };
}

let names = 0;
function harness(planted: Planted | undefined): RegistryHarness {
  const runtime = createFakeRuntime();
  const name = `bites-${++names}`;
  const open: Registry[] = [];
  return {
    ttlMs: 2000,
    connect() {
      const clock = planted?.immortal
        ? {
            ...runtime,
            clock: Object.assign(Object.create(runtime.clock) as typeof runtime.clock, {
              setTimer: () => ({ cancel() {} }),
            }),
          }
        : runtime;
      const good = createMemoryRegistry({ runtime: clock, name });
      open.push(good);
      const faulty = planted?.registry?.(good) ?? {};
      return {
        name: good.name,
        watch: (service, o) => good.watch(service, o),
        get: (service) => good.get(service),
        list: () => good.list(),
        close: () => good.close(),
        async lease(o) {
          const lease = await good.lease(o);
          return wrap(lease, planted?.lease?.(lease) ?? {});
        },
        ...faulty,
      };
    },
    pass: (ms) => runtime.clock.advanceAsync(ms),
    close: async () => void (await Promise.all(open.map((r) => r.close()))),
  };
}

test.each(PLANTED)(
  "a planted fault is found by: $case",
  async (planted) => {
    const each = registryCases.find((c) => c.name === planted.case);
    expect(each, planted.case).toBeDefined();
    await runRegistryCase(each as NonNullable<typeof each>, harness(undefined));
    const outcome = Promise.race([
      runRegistryCase(each as NonNullable<typeof each>, harness(planted)).then(() => "passed"),
      new Promise((_, reject) => setTimeout(() => reject(new Error("hangs")), 2000).unref()),
    ]);
    await expect(outcome).rejects.toThrow();
  },
  15_000,
);

test("every case that memory can run has its planted fault", () => {
  const without = registryCases.filter(
    (c) => c.needs !== "plantable" && !PLANTED.some((p) => p.case === c.name),
  );
  expect(without.map((c) => c.name)).toEqual([]);
});
