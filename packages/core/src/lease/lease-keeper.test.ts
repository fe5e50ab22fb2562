import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Instance } from "../instance.ts";
import { type Lease, LeaseLostError, type Registry } from "../registry.ts";
import { silentLogger } from "../runtime.ts";
import { createFakeRuntime, settle } from "../testing/fake-clock.ts";
import { createLeaseKeeper } from "./lease-keeper.ts";

const TTL = 3000;
const instance = (id: string, weight = 1): Instance => ({
  service: "user",
  version: "1.0.0",
  id,
  addresses: [],
  weight,
  status: "serving",
  startedAt: "",
  metadata: {},
});

/** A registry on the fake clock that does as it is told. */
function world(seed = 1) {
  const runtime = createFakeRuntime(seed);
  const { clock } = runtime;
  interface Held {
    readonly lease: Lease;
    alive: boolean;
    expires: number;
    readonly records: Map<string, Instance>;
  }
  const leases: Held[] = [];
  const state = { mode: "well" as "well" | "failing" | "hanging", calls: [] as string[] };
  const ask = async <T>(what: string, answer: () => T): Promise<T> => {
    state.calls.push(what);
    if (state.mode === "failing") throw new Error("connection refused");
    if (state.mode === "hanging") return new Promise<T>(() => {});
    await undefined;
    return answer();
  };
  const expire = (): void => {
    for (const held of leases) if (held.expires <= clock.monotonic()) held.alive = false;
  };
  const registry: Registry = {
    name: "scripted",
    lease: ({ ttlMs }) =>
      ask("lease", () => {
        const held: Held = {
          alive: true,
          expires: clock.monotonic() + ttlMs,
          records: new Map(),
          lease: undefined as never,
        };
        const need = (): void => {
          expire();
          if (!held.alive) throw new LeaseLostError("requested lease not found");
        };
        const lease: Lease = {
          ttlMs,
          renew: () =>
            ask("renew", () => {
              expire();
              if (!held.alive) return "lost";
              held.expires = clock.monotonic() + ttlMs;
              return "held";
            }),
          put: (i) =>
            ask(`put ${i.id}`, () => {
              need();
              held.records.set(i.id, i);
            }),
          remove: (id) => ask(`remove ${id}`, () => void held.records.delete(id)),
          release: () =>
            ask("release", () => {
              held.alive = false;
            }),
        };
        Object.assign(held, { lease });
        leases.push(held);
        return lease;
      }),
    watch: () => {
      throw new Error("not used");
    },
    get: () => Promise.reject(new Error("not used")),
    list: () => Promise.reject(new Error("not used")),
    close: async () => {},
  };
  const keeper = createLeaseKeeper({ registry, runtime, logger: silentLogger, ttlMs: TTL });
  return {
    runtime,
    clock,
    keeper,
    state,
    leases,
    revoke: () => {
      for (const held of leases) held.alive = false;
    },
    listed: (): string[] => {
      expire();
      return leases
        .filter((l) => l.alive)
        .flatMap((l) => [...l.records.values()].map((i) => `${i.id}:${i.weight}`))
        .sort();
    },
  };
}

test("put resolves once registered; several instances are on one lease", async () => {
  const w = world();
  await Promise.all([w.keeper.put(instance("a")), w.keeper.put(instance("b"))]);
  expect(w.listed()).toEqual(["a:1", "b:1"]);
  expect(w.leases.length).toBe(1);
  expect(w.keeper.state).toBe("held");
});

test("renewed every TTL/3, give or take a tenth; nothing else is asked at rest", async () => {
  const w = world();
  await w.keeper.put(instance("a"));
  w.state.calls = [];
  await w.clock.advanceAsync(30 * TTL);
  expect(new Set(w.state.calls)).toEqual(new Set(["renew"]));
  expect(w.state.calls.length).toBeGreaterThanOrEqual(80);
  expect(w.state.calls.length).toBeLessThanOrEqual(101);
  expect(w.listed()).toEqual(["a:1"]);
});

test("updates replace, removals remove, and both can be repeated", async () => {
  const w = world();
  await w.keeper.put(instance("a"));
  await w.keeper.put(instance("a", 5));
  expect(w.listed()).toEqual(["a:5"]);
  await w.keeper.remove("a");
  await w.keeper.remove("a");
  expect(w.listed()).toEqual([]);
});

test("a lease revoked by hand is taken again within TTL/3 + 1 s, a hundred times", async () => {
  const w = world();
  await w.keeper.put(instance("a"));
  for (let i = 0; i < 100; i++) {
    w.revoke();
    await w.clock.advanceAsync(TTL / 3 + 1000);
    expect(w.listed()).toEqual(["a:1"]);
  }
  expect(w.keeper.counts.lost).toBe(100);
  expect(w.keeper.counts.regained).toBe(100);
});

test.each(["failing", "hanging"] as const)(
  "a registry that is %s for 0.5 to 1000 TTLs: registered again within TTL/3 + 1 s",
  async (mode) => {
    for (const ttls of [0.5, 1, 1.5, 3, 10, 100, 1000]) {
      const w = world(ttls * 2);
      await w.keeper.put(instance("a"));
      w.state.mode = mode;
      await w.clock.advanceAsync(ttls * TTL);
      if (ttls > 2) expect(w.keeper.state).toBe("lost");
      w.state.mode = "well";
      await w.clock.advanceAsync(TTL / 3 + 1000 + (mode === "hanging" ? TTL / 3 : 0));
      expect(w.listed(), `${ttls} TTLs`).toEqual(["a:1"]);
      expect(w.keeper.state).toBe("held");
    }
  },
);

test("two lost renewals of three lose nothing", async () => {
  const w = world();
  await w.keeper.put(instance("a"));
  for (let i = 0; i < 20; i++) {
    w.state.mode = "failing";
    await w.clock.advanceAsync(TTL * 0.6);
    w.state.mode = "well";
    await w.clock.advanceAsync(TTL * 0.4);
  }
  expect(w.keeper.counts.lost).toBe(0);
  expect(w.leases.length).toBe(1);
});

test("a step of the wall clock changes nothing", async () => {
  const w = world();
  await w.keeper.put(instance("a"));
  w.clock.wallOffsetMs += 3_600_000;
  await w.clock.advanceAsync(TTL);
  expect(w.keeper.counts.lost).toBe(0);
});

test("start with the registry down: put waits, and says in lastError why", async () => {
  const w = world();
  w.state.mode = "failing";
  let done = false;
  const put = w.keeper.put(instance("a")).then(() => {
    done = true;
  });
  await w.clock.advanceAsync(20_000);
  expect([done, w.keeper.state, (w.keeper.lastError as Error).message]).toEqual([
    false,
    "lost",
    "connection refused",
  ]);
  w.state.mode = "well";
  await w.clock.advanceAsync(TTL / 3 + 1000);
  await put;
  expect(w.listed()).toEqual(["a:1"]);
});

test("onLost heals at once", async () => {
  const w = world();
  await w.keeper.put(instance("a"));
  w.revoke();
  w.leases[0]?.lease.onLost?.("session closed");
  await settle();
  await w.clock.advanceAsync(1);
  expect(w.listed()).toEqual(["a:1"]);
});

describe("close", () => {
  test("releases, once, and refuses afterwards", async () => {
    const w = world();
    await w.keeper.put(instance("a"));
    await w.keeper.close();
    await w.keeper.close();
    expect(w.listed()).toEqual([]);
    expect(w.state.calls.filter((c) => c === "release").length).toBe(1);
    await expect(w.keeper.put(instance("b"))).rejects.toThrow("the lease keeper is closed");
    expect(w.clock.timers).toBe(0);
  });
  test("is bounded when the registry hangs", async () => {
    const w = world();
    await w.keeper.put(instance("a"));
    w.state.mode = "hanging";
    let closed = false;
    const closing = w.keeper.close(2000).then(() => {
      closed = true;
    });
    await w.clock.advanceAsync(1999);
    expect(closed).toBe(false);
    await w.clock.advanceAsync(2);
    await closing;
  });
  test("ends those who wait", async () => {
    const w = world();
    w.state.mode = "failing";
    const put = w.keeper.put(instance("a"));
    put.catch(() => {});
    await w.clock.advanceAsync(100);
    await w.keeper.close();
    await expect(put).rejects.toThrow("the lease keeper is closed");
  });
});

test("after any history the registry has exactly what is wanted", async () => {
  const step = fc.oneof(
    fc.record({
      do: fc.constant("put" as const),
      id: fc.constantFrom("a", "b", "c"),
      weight: fc.integer({ min: 1, max: 9 }),
    }),
    fc.record({ do: fc.constant("remove" as const), id: fc.constantFrom("a", "b", "c") }),
    fc.record({ do: fc.constant("mode" as const), mode: fc.constantFrom("well", "failing", "hanging") }),
    fc.record({ do: fc.constant("revoke" as const) }),
    fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1, 100, TTL / 3, TTL, 5 * TTL) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.nat(1000), async (steps, seed) => {
      const w = world(seed);
      const wanted = new Map<string, number>();
      for (const s of steps) {
        if (s.do === "put") {
          wanted.set(s.id, s.weight);
          w.keeper.put(instance(s.id, s.weight)).catch(() => {});
        } else if (s.do === "remove") {
          wanted.delete(s.id);
          void w.keeper.remove(s.id);
        } else if (s.do === "mode") w.state.mode = s.mode as "well";
        else if (s.do === "revoke") w.revoke();
        else await w.clock.advanceAsync(s.ms);
        if (steps.length % 2 === 0) await settle();
      }
      w.state.mode = "well";
      await w.clock.advanceAsync(2 * TTL + 7000);
      expect(w.listed()).toEqual([...wanted].map(([id, weight]) => `${id}:${weight}`).sort());
    }),
    { numRuns: 300 },
  );
});
