import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Instance, Snapshot } from "../instance.ts";
import type { Registry } from "../registry.ts";
import { silentLogger } from "../runtime.ts";
import { createFakeRuntime, settle } from "../testing/fake-clock.ts";
import { createDirectory } from "./directory.ts";
import { followService } from "./follow-service.ts";

const TTL = 1000;
const HOLD = 3 * TTL;
/** The longest that a list is away. */
const RELIST = 72_000;

const instance = (id: string): Instance => ({
  service: "user",
  version: "1.0.0",
  id,
  addresses: [{ protocol: "skein", url: `tcp://${id}` }],
  weight: 1,
  status: "serving",
  startedAt: "",
  metadata: {},
});

/** A registry whose watch says what the test wants, and whose lists are true, but may be slow. */
function world(seed = 1) {
  const runtime = createFakeRuntime(seed);
  const { clock } = runtime;
  const abort = new AbortController();
  const state = {
    revision: 1,
    ids: [] as string[],
    listMs: 0,
    down: false,
    watches: 0,
    lists: 0,
    hang: false,
    /** Lists that have a timer of this registry's own. */
    answering: 0,
  };
  let end: (how: "ended" | Error) => void = () => {};
  let push: (snapshot: Snapshot) => void = () => {};
  const truth = (): Snapshot => ({ instances: state.ids.map(instance), revision: state.revision });
  const registry: Registry = {
    name: "scripted",
    lease: () => Promise.reject(new Error("not used")),
    list: () => Promise.reject(new Error("not used")),
    close: async () => {},
    async get() {
      state.lists++;
      const answer = truth();
      if (state.hang) return new Promise(() => {});
      if (state.down) throw new Error("connection refused");
      const { listMs } = state;
      if (listMs === 0) return answer;
      state.answering++;
      await new Promise<void>((resolve) => void clock.setTimer(listMs, resolve));
      state.answering--;
      return answer;
    },
    watch(_, { signal }) {
      state.watches++;
      const queue: Snapshot[] = state.down ? [] : [truth()];
      let wake: () => void = () => {};
      let over = (state.down ? new Error("connection refused") : undefined) as "ended" | Error | undefined;
      push = (snapshot) => {
        queue.push(snapshot);
        wake();
      };
      end = (how) => {
        over = how;
        wake();
      };
      const stop = (): void => wake();
      signal.addEventListener("abort", stop);
      return (async function* () {
        try {
          for (;;) {
            const next = queue.shift();
            if (signal.aborted) return;
            if (next !== undefined) yield next;
            else if (over === "ended") return;
            else if (over !== undefined) throw over;
            else
              await new Promise<void>((resolve) => {
                wake = resolve;
              });
          }
        } finally {
          signal.removeEventListener("abort", stop);
        }
      })();
    },
  };
  const directory = createDirectory({
    service: "user",
    clock,
    logger: silentLogger,
    ttlMs: TTL,
    onChange() {},
  });
  const followed = followService(registry, "user", directory, runtime, abort.signal);
  return {
    clock,
    state,
    directory,
    truth,
    view: () => directory.instances.map((i) => i.id).sort(),
    set: (...ids: string[]) => {
      state.ids = ids;
      state.revision++;
    },
    push: (snapshot: Snapshot) => push(snapshot),
    end: (how: "ended" | Error) => end(how),
    async stop() {
      abort.abort();
      await settle();
      await followed;
      directory.close();
      return clock.timers - state.answering;
    },
  };
}

test("what the watch says, at once", async () => {
  const w = world();
  await settle();
  expect([w.directory.known, w.view()]).toEqual([true, []]);
  w.set("a");
  w.push(w.truth());
  await settle();
  expect(w.view()).toEqual(["a"]);
  expect(await w.stop()).toBe(0);
});

test("a large set is looked at again only after a while, a small one at once", async () => {
  const many = (count: number): string[] => Array.from({ length: count }, (_, n) => String(n));
  const w = world();
  w.set(...many(1000));
  w.push(w.truth());
  w.set(...many(999));
  w.push(w.truth());
  w.set(...many(10_000));
  w.push(w.truth());
  await settle();
  expect(w.directory.instances).toHaveLength(10_000);
  w.set(...many(10_001));
  w.push(w.truth());
  await w.clock.advanceAsync(49);
  expect(w.directory.instances).toHaveLength(10_000);
  await w.clock.advanceAsync(1);
  expect(w.directory.instances).toHaveLength(10_001);
  await w.clock.advanceAsync(100);
  for (const count of [110_000, 110_001]) {
    w.state.ids = many(count);
    w.state.revision++;
    w.push(w.truth());
  }
  await w.clock.advanceAsync(499);
  expect(w.directory.instances).toHaveLength(110_000);
  await w.clock.advanceAsync(1);
  expect(w.directory.instances).toHaveLength(110_001);
  expect(await w.stop()).toBe(0);
});

describe("a watch that ends or throws", () => {
  test("is begun again, and changes nothing meanwhile", async () => {
    const w = world();
    w.set("a");
    w.push(w.truth());
    await settle();
    for (const how of ["ended", new Error("reset by peer")] as const) {
      w.end(how);
      await settle();
      expect([w.directory.stale, w.view()]).toEqual([true, ["a"]]);
      await w.clock.advanceAsync(400);
      expect([w.directory.stale, w.view()]).toEqual([false, ["a"]]);
    }
    expect(w.state.watches).toBe(3);
    expect(await w.stop()).toBe(0);
  });
  test("is begun again ever more slowly, up to each 5 s, for ever", async () => {
    const w = world();
    await settle();
    w.state.down = true;
    w.end(new Error("reset by peer"));
    await w.clock.advanceAsync(3_600_000);
    expect(w.state.watches).toBeGreaterThan(3600 / 5);
    expect(w.state.watches).toBeLessThan((3600 / 2.5) * 1.2);
    w.state.down = false;
    w.set("a");
    await w.clock.advanceAsync(5000);
    expect(w.view()).toEqual(["a"]);
    expect(await w.stop()).toBe(0);
  });
});

describe("lists", () => {
  test("find within 60 s ± 20 % what the watch has missed", async () => {
    const w = world();
    await settle();
    w.set("a");
    await w.clock.advanceAsync(47_999);
    expect(w.view()).toEqual([]);
    await w.clock.advanceAsync(RELIST - 47_999);
    expect(w.view()).toEqual(["a"]);
    expect(await w.stop()).toBe(0);
  });
  test("that come late, and are older than what the watch has said, are asked for again", async () => {
    const w = world();
    await settle();
    w.set("a");
    w.push(w.truth());
    w.state.listMs = 1000;
    for (let ms = 0; w.state.lists === 0 && ms < RELIST; ms += 100) await w.clock.advanceAsync(100);
    w.set("a", "b");
    w.push(w.truth());
    await w.clock.advanceAsync(950);
    expect(w.view()).toEqual(["a", "b"]);
    await w.clock.advanceAsync(2000);
    expect([w.view(), w.state.lists]).toEqual([["a", "b"], 2]);
    expect(await w.stop()).toBe(0);
  });
  test("of a service that never rests are left off until the next minute", async () => {
    const w = world();
    await settle();
    w.state.listMs = 1000;
    for (let ms = 0; ms < RELIST + 30_000; ms += 100) {
      w.set(String(ms));
      w.push(w.truth());
      await w.clock.advanceAsync(100);
      expect(w.view()).toContain(String(ms));
    }
    expect(w.state.lists).toBe(3);
    expect(await w.stop()).toBe(0);
  });
  test("that hang are given up, and do not stop those that follow", async () => {
    const w = world();
    w.state.hang = true;
    await w.clock.advanceAsync(RELIST + 5000);
    w.state.hang = false;
    w.set("a");
    await w.clock.advanceAsync(15_000);
    expect(w.view()).toEqual(["a"]);
    expect(await w.stop()).toBe(0);
  });
});

describe("a revision that goes backwards", () => {
  test("of a snapshot that came late changes nothing", async () => {
    const w = world();
    w.set("old");
    const late = w.truth();
    w.set("a", "b", "c", "d");
    w.push(w.truth());
    await settle();
    w.push(late);
    await settle();
    expect([w.view(), w.state.lists]).toEqual([["a", "b", "c", "d"], 1]);
    expect(await w.stop()).toBe(0);
  });
  test("of a registry that was reset is believed, and its removals are held", async () => {
    const w = world();
    w.set("a");
    w.set("a", "b", "c", "d");
    w.push(w.truth());
    await settle();
    w.state.revision = 0;
    w.set("d", "e");
    w.push(w.truth());
    await settle();
    expect(w.view()).toEqual(["a", "b", "c", "d", "e"]);
    w.set("a", "b", "d", "e");
    w.push(w.truth());
    await w.clock.advanceAsync(HOLD);
    expect(w.view()).toEqual(["a", "b", "d", "e"]);
    expect(await w.stop()).toBe(0);
  });
});

test("10,000 histories of snapshots dropped, repeated, late and out of order: the view ends true, and never has what went long ago", async () => {
  const ids = fc.subarray(["a", "b", "c", "d", "e"]);
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant("set" as const),
        ids,
        told: fc.constantFrom("now", "late", "twice", "never"),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("deliver" as const), at: fc.nat(3) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("reset" as const), ids }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("cut" as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("listMs" as const), ms: fc.constantFrom(0, 500) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constantFrom("up" as const, "down" as const),
        id: fc.constantFrom("a", "b", "c"),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1, 300, 4000, 30_000) }),
    },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), fc.nat(), async (steps, seed) => {
      const w = world(seed);
      const late: Snapshot[] = [];
      const wentAt = new Map<string, number>();
      const set = (next: readonly string[]): void => {
        for (const id of w.state.ids) if (!next.includes(id)) wentAt.set(id, w.clock.monotonic());
        w.set(...next);
      };
      const look = (): void => {
        const earliest = w.clock.monotonic() - RELIST - 1000 - HOLD;
        for (const id of w.view())
          if (!w.state.ids.includes(id)) expect(wentAt.get(id)).toBeGreaterThanOrEqual(earliest);
      };
      for (const s of steps) {
        if (s.do === "set") {
          set(s.ids);
          if (s.told === "late") late.push(w.truth());
          else for (let n = s.told === "now" ? 1 : s.told === "twice" ? 2 : 0; n > 0; n--) w.push(w.truth());
        } else if (s.do === "deliver") for (const old of late.splice(s.at, 1)) w.push(old);
        else if (s.do === "reset") {
          w.state.revision = 0;
          set(s.ids);
          w.push(w.truth());
        } else if (s.do === "cut") w.end("ended");
        else if (s.do === "listMs") w.state.listMs = s.ms;
        else if (s.do === "wait") await w.clock.advanceAsync(s.ms);
        else w.directory.connection(s.id, s.do);
        await settle();
        look();
      }
      await w.clock.advanceAsync(RELIST + 1000 + HOLD);
      expect(w.view()).toEqual([...w.state.ids].sort());
      expect(await w.stop()).toBe(0);
    }),
    { numRuns: 10_000 },
  );
}, 60_000);
