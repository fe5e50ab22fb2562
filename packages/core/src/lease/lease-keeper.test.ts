import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Instance } from "../instance.ts";
import { type Lease, LeaseLostError, type Registry } from "../registry.ts";
import { type Logger, silentLogger } from "../runtime.ts";
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

/** `slow`: within the time of an attempt. `tardy`: after it, and long before the lease ends. `late`: with effect, long after the attempt was given up. */
type Mode = "well" | "failing" | "hanging" | "slow" | "tardy" | "late";

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
  const state = { mode: "well" as Mode, calls: [] as string[], poison: "", renewing: 0, mostRenewing: 0 };
  const wait = (ms: number): Promise<void> => new Promise((resolve) => void clock.setTimer(ms, resolve));
  const ask = async <T>(what: string, answer: () => T): Promise<T> => {
    state.calls.push(what);
    if (state.mode === "failing") throw new Error("connection refused");
    if (state.mode === "hanging") return new Promise<T>(() => {});
    await undefined;
    if (state.mode === "slow") await wait(TTL / 10);
    if (state.mode === "tardy") await wait(TTL / 4);
    if (state.mode === "late") await wait(TTL);
    return answer();
  };
  const counted = async <T>(renewal: Promise<T>): Promise<T> => {
    state.mostRenewing = Math.max(state.mostRenewing, ++state.renewing);
    try {
      return await renewal;
    } finally {
      state.renewing--;
    }
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
            counted(
              ask("renew", () => {
                expire();
                if (!held.alive) return "lost";
                held.expires = clock.monotonic() + ttlMs;
                return "held";
              }),
            ),
          put: (i) =>
            ask(`put ${i.id}`, () => {
              need();
              if (i.id === state.poison) throw new Error("metadata too large");
              // One key, one record, whichever lease it is under.
              for (const other of leases) other.records.delete(i.id);
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
  const lines: string[] = [];
  const logger: Logger = {
    ...silentLogger,
    info: (fields, message) => void lines.push(`${message} ${JSON.stringify(fields)}`),
    warn: (fields, message) => void lines.push(`${message} ${JSON.stringify(fields)}`),
  };
  const keeper = createLeaseKeeper({ registry, runtime, logger, ttlMs: TTL });
  const states: string[] = [];
  keeper.subscribe((state) => void states.push(state));
  return {
    lines,
    states,
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
      await w.clock.advanceAsync(TTL / 3 + 1000);
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

test("two hanging renewals of three lose nothing", async () => {
  const w = world();
  await w.keeper.put(instance("a"));
  let renewals = 0;
  for (let t = 0; t < 600 * 1000; t += 10) {
    const { length } = w.state.calls.filter((c) => c === "renew");
    if (length > renewals) renewals = length;
    w.state.mode = renewals % 3 === 2 ? "well" : "hanging";
    await w.clock.advanceAsync(10);
    if (w.state.calls.length > 1000) {
      w.state.calls = [];
      renewals = 0;
    }
  }
  expect(w.keeper.counts.lost).toBe(0);
  expect(w.keeper.counts.failures).toBeGreaterThan(300);
}, 30_000);

test("answers that come after their attempts were given up hold the lease all the same", async () => {
  const w = world();
  await w.keeper.put(instance("a"));
  w.state.mode = "tardy";
  await w.clock.advanceAsync(20 * TTL);
  expect(w.keeper.counts.failures).toBeGreaterThan(20);
  expect([w.keeper.counts.lost, w.leases.length, w.listed()]).toEqual([0, 1, ["a:1"]]);
});

test("renewals never overlap, also when answers are slow", async () => {
  const w = world();
  w.state.mode = "slow";
  const put = w.keeper.put(instance("a"));
  await w.clock.advanceAsync(TTL);
  await put;
  for (let i = 0; i < 20; i++) {
    w.keeper.put(instance("a", i)).catch(() => {});
    await w.clock.advanceAsync(TTL / 7);
  }
  expect(w.keeper.counts.renewals).toBeGreaterThan(5);
  expect(w.state.mostRenewing).toBe(1);
});

test("a record that the registry refuses costs the others nothing", async () => {
  const w = world();
  w.state.poison = "bad";
  await w.keeper.put(instance("a"));
  w.keeper.put(instance("bad")).catch(() => {});
  await w.clock.advanceAsync(20 * TTL);
  expect(w.listed()).toEqual(["a:1"]);
  expect(w.keeper.counts.lost).toBe(0);
  expect([w.keeper.state, (w.keeper.lastError as Error).message]).toEqual(["lost", "metadata too large"]);
  const put = w.keeper.put(instance("b"));
  await w.clock.advanceAsync(1);
  await put;
  expect(w.state.calls.filter((c) => c === "put bad").length).toBeLessThan((20 * TTL) / 300);
  w.state.poison = "";
  await w.clock.advanceAsync(TTL / 3);
  expect(w.listed()).toEqual(["a:1", "b:1", "bad:1"]);
  expect([w.keeper.state, w.keeper.lastError]).toEqual(["held", undefined]);
});

test("a registry that is down is asked once in a while, not once for each record", async () => {
  const w = world();
  await Promise.all(Array.from({ length: 100 }, (_, i) => w.keeper.put(instance(`i${i}`))));
  w.state.mode = "failing";
  for (let i = 0; i < 100; i++) w.keeper.put(instance(`i${i}`, 2)).catch(() => {});
  w.state.calls = [];
  await w.clock.advanceAsync(20 * TTL);
  expect(w.state.calls.length).toBeLessThan(20 * TTL * (4 / 1000));
  w.state.mode = "well";
  for (let ms = 0; ms < TTL / 3 + 1000; ms += 10) await w.clock.advanceAsync(10);
  expect(w.listed().length).toBe(100);
  expect(w.listed()[0]).toBe("i0:2");
});

describe("a write that ends after it was given up", () => {
  test("does not bring back what was removed meanwhile", async () => {
    const w = world();
    await w.keeper.put(instance("b"));
    w.state.mode = "late";
    w.keeper.put(instance("a")).catch(() => {});
    await w.clock.advanceAsync(TTL / 5);
    w.state.mode = "well";
    void w.keeper.remove("a");
    await w.clock.advanceAsync(TTL / 2);
    expect(w.listed()).toEqual(["b:1"]);
    await w.clock.advanceAsync(TTL);
    expect(w.listed()).toEqual(["b:1"]);
  });
  test("does not replace what is newer", async () => {
    const w = world();
    await w.keeper.put(instance("a", 1));
    w.state.mode = "late";
    w.keeper.put(instance("a", 2)).catch(() => {});
    await w.clock.advanceAsync(TTL / 5);
    w.state.mode = "well";
    w.keeper.put(instance("a", 3)).catch(() => {});
    await w.clock.advanceAsync(2 * TTL);
    expect(w.listed()).toEqual(["a:3"]);
  });
});

test("states are told once each: none, held, lost, held, none", async () => {
  const w = world();
  expect([w.keeper.state, w.keeper.heldSince]).toEqual(["none", undefined]);
  const wall = w.clock.now();
  await w.keeper.put(instance("a"));
  expect(w.keeper.heldSince).toBe(wall);
  w.state.mode = "failing";
  await w.clock.advanceAsync(5 * TTL);
  expect(w.keeper.heldSince).toBeUndefined();
  w.state.mode = "well";
  await w.clock.advanceAsync(TTL);
  await w.keeper.remove("a");
  await w.clock.advanceAsync(TTL);
  expect(w.states).toEqual(["held", "lost", "held", "none"]);
});

test("a listener that throws stops nothing", async () => {
  const w = world();
  w.keeper.subscribe(() => {
    throw new Error("listener");
  });
  await w.keeper.put(instance("a"));
  w.revoke();
  await w.clock.advanceAsync(TTL);
  expect([w.keeper.state, w.listed()]).toEqual(["held", ["a:1"]]);
});

test("each failed renewal, loss and return is a line with cause, key and age", async () => {
  const w = world();
  await w.keeper.put(instance("a"));
  await w.clock.advanceAsync(TTL / 6);
  w.state.mode = "failing";
  await w.clock.advanceAsync(4 * TTL);
  w.state.mode = "well";
  await w.clock.advanceAsync(TTL);
  const failed = w.lines.filter((l) => l.startsWith("the registry failed: trying again"));
  expect(failed.length).toBe(w.keeper.counts.failures);
  expect(failed[0]).toMatch(
    /"registry":"scripted","keys":\["a"\],"err":\{\},"failures":1,"sinceRenewalMs":\d+/,
  );
  const lost = w.lines.filter((l) => l.startsWith("lease lost"));
  expect(lost.length).toBe(1);
  expect(lost[0]).toMatch(
    /"keys":\["a"\],"reason":"no renewal was answered for a whole TTL","sinceRenewalMs":3\d{3}/,
  );
  expect(w.lines.at(-1)).toMatch(/^registered again .*"keys":\["a"\],"awayMs":\d+/);
});

describe("when nothing is wanted any more", () => {
  test("the lease is given back, nothing is asked, and a put takes another", async () => {
    const w = world();
    await w.keeper.put(instance("a"));
    await w.keeper.remove("a");
    await w.clock.advanceAsync(1);
    expect(w.state.calls.at(-1)).toBe("release");
    w.state.calls = [];
    await w.clock.advanceAsync(10 * TTL);
    expect([w.state.calls, w.keeper.state, w.clock.timers]).toEqual([[], "none", 0]);
    await w.keeper.put(instance("b"));
    expect([w.listed(), w.keeper.state]).toEqual([["b:1"], "held"]);
  });
  test("a removal that cannot be asked for resolves, and is made up for", async () => {
    const w = world();
    await Promise.all([w.keeper.put(instance("a")), w.keeper.put(instance("b"))]);
    w.state.mode = "failing";
    await w.keeper.remove("a");
    expect(w.listed()).toEqual(["a:1", "b:1"]);
    w.state.mode = "well";
    await w.clock.advanceAsync(TTL / 3 + 1000);
    expect(w.listed()).toEqual(["b:1"]);
  });
  test("a put that waits is told that its instance was removed", async () => {
    const w = world();
    w.state.mode = "failing";
    const put = w.keeper.put(instance("a"));
    void w.keeper.remove("a");
    await expect(put).rejects.toThrow("instance a was removed");
    await w.clock.advanceAsync(TTL);
    w.state.mode = "well";
    await w.clock.advanceAsync(10 * TTL);
    expect([w.listed(), w.clock.timers]).toEqual([[], 0]);
  });
});

test("a put is given up by its signal; the instance stays wanted", async () => {
  const w = world();
  w.state.mode = "failing";
  const abort = new AbortController();
  const put = w.keeper.put(instance("a"), abort.signal);
  abort.abort(new Error("waited long enough"));
  await expect(put).rejects.toThrow("waited long enough");
  await expect(w.keeper.put(instance("a"), abort.signal)).rejects.toThrow("waited long enough");
  w.state.mode = "well";
  await w.clock.advanceAsync(TTL);
  expect(w.listed()).toEqual(["a:1"]);
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
  test("while a lease is being taken registers nothing, and gives the lease back", async () => {
    const w = world();
    w.state.mode = "slow";
    w.keeper.put(instance("a")).catch(() => {});
    await w.clock.advanceAsync(1);
    const closing = w.keeper.close();
    await w.clock.advanceAsync(TTL);
    await closing;
    expect(w.state.calls).toEqual(["lease", "release"]);
  });
  test("while a record is being written leaves nothing", async () => {
    const w = world();
    await w.keeper.put(instance("a"));
    w.state.mode = "slow";
    w.keeper.put(instance("b")).catch(() => {});
    await w.clock.advanceAsync(1);
    const closing = w.keeper.close();
    await w.clock.advanceAsync(TTL);
    await closing;
    expect(w.state.calls.slice(-2)).toEqual(["put b", "release"]);
    expect(w.listed()).toEqual([]);
  });
  test("twice waits for the same end", async () => {
    const w = world();
    await w.keeper.put(instance("a"));
    w.state.mode = "slow";
    let ended = false;
    void w.keeper.close();
    const second = w.keeper.close().then(() => {
      ended = true;
    });
    await settle();
    expect(ended).toBe(false);
    await w.clock.advanceAsync(TTL);
    await second;
  });
  test("abandon leaves the records to their TTL", async () => {
    const w = world();
    await w.keeper.put(instance("a"));
    w.keeper.abandon();
    await w.clock.advanceAsync(TTL / 2);
    expect([w.listed(), w.state.calls.includes("release")]).toEqual([["a:1"], false]);
    await w.clock.advanceAsync(TTL);
    expect([w.listed(), w.clock.timers]).toEqual([[], 0]);
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
    fc.record({
      do: fc.constant("mode" as const),
      mode: fc.constantFrom("well", "failing", "hanging", "slow", "late"),
    }),
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
      await w.clock.advanceAsync(3 * TTL);
      expect(w.listed()).toEqual([...wanted].map(([id, weight]) => `${id}:${weight}`).sort());
      expect(w.keeper.state).toBe(wanted.size > 0 ? "held" : "none");
      expect(w.clock.timers).toBe(wanted.size > 0 ? 1 : 0);
    }),
    { numRuns: 1000 },
  );
});
