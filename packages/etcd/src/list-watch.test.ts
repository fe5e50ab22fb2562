import { silentLogger as logger } from "@skein/core";
import { createFakeRuntime, type FakeRuntime, settle } from "@skein/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { plainLayout } from "./layouts/keyed.ts";
import { ListWatch, MOST_WAIT_MS } from "./list-watch.ts";
import { FakeEtcd } from "./test/fake-etcd.ts";
import { merged, View } from "./view.ts";

const keyOf = (n: number): string => `/services/user/10.0.0.1:${n + 1}`;

function follow(etcd: FakeEtcd, runtime: FakeRuntime = createFakeRuntime()) {
  const { clock } = runtime;
  const view = new View(plainLayout("/services", "active"));
  const failures: unknown[] = [];
  const list = new ListWatch({
    port: etcd.port(),
    prefix: "/services/user/",
    runtime,
    logger,
    listed: (records) => view.replace(records),
    changed: (changes) => {
      for (const change of changes) view.change(change);
    },
    failed: (error) => failures.push(error),
  });
  const seen = (): string[] =>
    merged([view])
      .map((i) => `/services/user/${i.addresses[0]?.url.slice(6)}`)
      .sort();
  return { list, clock, seen, failures };
}

type Step =
  | { readonly do: "put" | "remove"; readonly n: number }
  | { readonly do: "fall" | "rise" | "compact" | "wipe" }
  | { readonly do: "wait"; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom("put", "remove"), n: fc.nat(8) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("fall", "rise", "compact", "wipe") }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("wait"), ms: fc.nat(3000) }) },
);

function play(etcd: FakeEtcd, each: Step): void {
  if (each.do === "put") etcd.put(keyOf(each.n), "active");
  else if (each.do === "remove") etcd.remove(keyOf(each.n));
  else if (each.do === "fall") etcd.fall();
  else if (each.do === "rise") etcd.down = false;
  else if (each.do === "compact") etcd.compact();
  else if (each.do === "wipe") {
    // A store loses its data while it is down, and nobody stays connected.
    etcd.fall();
    etcd.wipe();
  }
}

describe("list and watch", () => {
  test("whatever happened, the view is what is there once the store is well", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const etcd = new FakeEtcd();
        const { list, clock, seen } = follow(etcd);
        await settle();
        for (const each of steps) {
          play(etcd, each);
          await clock.advanceAsync(each.do === "wait" ? each.ms : 0);
        }
        etcd.down = false;
        await clock.advanceAsync(2 * MOST_WAIT_MS);
        expect(seen()).toEqual([...etcd.keys.keys()].sort());
        // And it is alive.
        etcd.put(keyOf(20), "active");
        await settle();
        expect(seen()).toEqual([...etcd.keys.keys()].sort());
        list.stop();
        expect(etcd.watchers.size).toBe(0);
        await settle();
        expect(clock.timers).toBe(0);
      }),
      { numRuns: 500 },
    );
  });

  test("a cut is told only when the list fails as well, and what is known stays", async () => {
    const etcd = new FakeEtcd();
    etcd.put(keyOf(1), "active");
    const { list, clock, seen, failures } = follow(etcd);
    await settle();
    etcd.fall();
    etcd.down = false;
    await clock.advanceAsync(MOST_WAIT_MS);
    expect(failures).toEqual([]);
    etcd.fall();
    await clock.advanceAsync(2 * MOST_WAIT_MS);
    expect(failures.length).toBeGreaterThan(0);
    expect(seen()).toEqual([keyOf(1)]);
    list.stop();
  });

  test("stopping while a list is under way leaves no watch", async () => {
    const etcd = new FakeEtcd();
    const { list } = follow(etcd);
    list.stop();
    await settle();
    expect(etcd.watchers.size).toBe(0);
  });
});

test("a thousand watchers of a store that restarts list at most 250 times a second, and all are back within 10 s", async () => {
  const etcd = new FakeEtcd();
  etcd.put(keyOf(1), "active");
  const runtime = createFakeRuntime();
  const { clock } = runtime;
  const all = Array.from({ length: 1000 }, () => follow(etcd, runtime));
  await settle();
  const perSecond = new Map<number, number>();
  etcd.onList = () => {
    const second = Math.floor(clock.monotonic() / 1000);
    perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
  };
  etcd.fall();
  await clock.advanceAsync(3000);
  etcd.put(keyOf(2), "active");
  etcd.down = false;
  await clock.advanceAsync(10_000);
  for (const { seen, list } of all) {
    expect(seen()).toEqual([keyOf(1), keyOf(2)]);
    list.stop();
  }
  const most = Math.max(...perSecond.values());
  expect(most).toBeLessThanOrEqual(250);
  const late = [...perSecond].filter(([second]) => second > 3 + MOST_WAIT_MS / 1000);
  expect(late).toEqual([]);
});
