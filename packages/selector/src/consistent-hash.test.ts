import type { Candidate, CandidateState, Pick, Picker } from "@skein/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { consistentHash, createConsistentHash } from "./consistent-hash.ts";
import { candidate, ids, ready, request, seeded } from "./test/candidates.ts";

const KEYS = Array.from({ length: 2000 }, (_, i) => `customer-${i}`);
const create = () => consistentHash({ random: seeded(1) });
const picker = (all: readonly Candidate[]): Picker => create().update(all);

/** Whose a key is while nothing is in flight. */
function owner(of: Picker, key: string, exclude?: readonly string[]): string | undefined {
  const pick = of.pick(request(exclude, 0, key));
  pick?.done(0, 0, false, 0);
  return pick?.candidate.instance.id;
}
const owners = (of: Picker, keys = KEYS): (string | undefined)[] => keys.map((key) => owner(of, key));

test("a key goes to one instance: again and again, in all clients, in whatever order they know of instances", () => {
  const all = ready(50);
  const one = picker(all);
  expect(owners(one)).toEqual(owners(one));
  expect(owners(picker([...all].reverse()))).toEqual(owners(one));
});

test("and is where it was in the last release: what was kept by key stays", () => {
  expect(["a", "b", "customer-1", "schlüssel", ""].map((key) => owner(picker(ready(10)), key))).toEqual([
    "i2",
    "i0",
    "i4",
    "i3",
    "i2",
  ]);
});

describe("when the set changes", () => {
  const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 12 }), { minLength: 2, maxLength: 40 });
  const weights = fc.array(fc.constantFrom(1, 1, 2, 3, 0.5), { minLength: 40, maxLength: 40 });

  test("who goes gives up its own keys only, and who comes takes keys for itself only", () => {
    fc.assert(
      fc.property(names, weights, fc.nat(), (all, weight, at) => {
        const set = all.map((id, i) => candidate(id, "ready", id === all[0] ? 3 : weight[i]));
        const gone = all[1 + (at % (all.length - 1))] as string;
        const selector = create();
        const before = owners(selector.update(set));
        const without = owners(selector.update(set.filter((c) => c.instance.id !== gone)));
        before.forEach((id, i) => {
          if (id === gone) expect(without[i]).not.toBe(gone);
          else expect(without[i]).toBe(id);
        });
        // What a selector has been told before leaves no trace
        expect(without).toEqual(owners(picker(set.filter((c) => c.instance.id !== gone))));
        expect(owners(selector.update(set))).toEqual(before);
      }),
      { numRuns: 50 },
    );
  });

  test("1 of n keys moves", () => {
    const before = owners(picker(ready(20)));
    const after = owners(picker(ready(21)));
    const moved = before.filter((id, i) => id !== after[i]).length;
    expect(moved).toBeGreaterThan(KEYS.length / 21 / 2);
    expect(moved).toBeLessThan((KEYS.length / 21) * 2);
  });

  test("one that is suspected gives its keys away while it is", () => {
    const selector = create();
    const before = owners(selector.update(ready(5)));
    const suspected = ready(5).map((c) => (c.instance.id === "i2" ? candidate("i2", "suspect") : c));
    const during = owners(selector.update(suspected));
    expect(during).not.toContain("i2");
    before.forEach((id, i) => {
      if (id !== "i2") expect(during[i]).toBe(id);
    });
    expect(owners(selector.update(ready(5)))).toEqual(before);
  });
});

function shares(of: Picker, keys: number): Record<string, number> {
  const total: Record<string, number> = {};
  for (let i = 0; i < keys; i++) {
    const id = owner(of, `key ${i}`) as string;
    total[id] = (total[id] ?? 0) + 1;
  }
  return total;
}

test.each([3, 10, 100])(
  "among %i, the keys are spread: nobody has 1.5 times the mean or a half of it",
  (n) => {
    const keys = n * 1000;
    const total = shares(picker(ready(n)), keys);
    for (const id of ids(n)) {
      expect(total[id]).toBeLessThan(1500);
      expect(total[id]).toBeGreaterThan(500);
    }
  },
);

test("twice the weight, twice the keys", () => {
  const set = Array.from({ length: 40 }, (_, i) => candidate(`i${i}`, "ready", i < 20 ? 1 : 2));
  const total = shares(picker(set), 60_000);
  const light = ids(20).reduce((sum, id) => sum + (total[id] ?? 0), 0);
  expect(light).toBeGreaterThan(17_500);
  expect(light).toBeLessThan(22_500);
});

test("a call that failed goes where its key would be if nobody who was tried were there", () => {
  const all = ready(8);
  const of = picker(all);
  for (const key of KEYS.slice(0, 100)) {
    const first = owner(of, key) as string;
    const rest = picker(all.filter((c) => c.instance.id !== first));
    expect(owner(of, key, [first])).toBe(owner(rest, key));
  }
});

describe("bounded load", () => {
  test("nobody has more than 1.25 times the mean in flight, whatever the keys and however calls end", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.tuple(fc.nat(3), fc.boolean()), { maxLength: 300 }),
        (n, calls) => {
          const of = picker(ready(n));
          const flying: Pick[] = [];
          const load = new Map<string, number>();
          for (const [key, ends] of calls) {
            if (ends) {
              const pick = flying.shift();
              if (pick === undefined) continue;
              const { id } = pick.candidate.instance;
              load.set(id, (load.get(id) ?? 0) - 1);
              pick.done(0, 0, false, 0);
              continue;
            }
            const pick = of.pick(request(undefined, 0, `hot ${key}`)) as Pick;
            flying.push(pick);
            const { id } = pick.candidate.instance;
            const now = (load.get(id) ?? 0) + 1;
            load.set(id, now);
            expect(now).toBeLessThanOrEqual(Math.ceil((1.25 * flying.length) / n));
          }
        },
      ),
    );
  });

  test("what overflows goes to always the same ones, and comes back", () => {
    const of = picker(ready(10));
    const first = Array.from({ length: 4 }, () => of.pick(request(undefined, 0, "hot")) as Pick);
    const names = first.map((p) => p.candidate.instance.id);
    expect(new Set(names).size).toBe(4);
    for (const pick of first) pick.done(0, 0, false, 0);
    expect(owner(of, "hot")).toBe(names[0]);
  });

  test("by weight", () => {
    const of = picker([candidate("light"), candidate("heavy", "ready", 3)]);
    const load: Record<string, number> = {};
    for (let i = 0; i < 80; i++) {
      const id = (of.pick(request(undefined, 0, "hot")) as Pick).candidate.instance.id;
      load[id] = (load[id] ?? 0) + 1;
    }
    expect(load.light).toBeLessThanOrEqual(25);
    expect(load.heavy).toBeLessThanOrEqual(75);
  });

  test("must be above 1", () => {
    expect(() => createConsistentHash({ boundedLoad: 1 })).toThrow("boundedLoad is 1: give a number above 1");
  });
});

describe("connections", () => {
  const mixed = (connected: (id: string) => CandidateState) =>
    ids(200).map((id) => candidate(id, connected(id)));

  test("one that is not connected keeps its keys: the call connects it, and goes to one that is", () => {
    const all = owners(picker(ready(200)));
    const of = picker(mixed((id) => (Number(id.slice(1)) < 20 ? "ready" : "idle")));
    expect(owners(of)).toEqual(all);
    const second = KEYS.map((key, i) => owner(of, key, [all[i] as string]));
    for (const id of second) expect(Number(id?.slice(1))).toBeLessThan(20);
    // Not all to the same one
    expect(new Set(second).size).toBe(20);
  });
});

test("without a key, the less busy of two", () => {
  const of = picker(ready(10));
  const load: Record<string, number> = {};
  for (let i = 0; i < 1000; i++) {
    const id = (of.pick(request()) as Pick).candidate.instance.id;
    load[id] = (load[id] ?? 0) + 1;
  }
  for (const id of ids(10)) expect(Math.abs((load[id] ?? 0) - 100)).toBeLessThan(5);
});
