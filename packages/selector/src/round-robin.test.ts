import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { roundRobin } from "./round-robin.ts";
import { candidate, counts, ids, ready, seeded, take } from "./test/candidates.ts";

const spread = (n: readonly number[]): number => Math.max(...n) - Math.min(...n);

test("each in turn, exactly", () => {
  const picker = roundRobin({ random: seeded(1) }).update(ready(7));
  const round = Array.from({ length: 7 }, () => take(picker));
  expect([...round].sort()).toEqual(ids(7));
  for (let i = 0; i < 100; i++) expect(take(picker)).toBe(round[i % 7]);
});

test("even across updates, however often and in whatever order they come", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(20), { maxLength: 50 }),
      fc.integer({ min: 1, max: 9 }),
      fc.nat(),
      (runs, n, seed) => {
        const random = seeded(seed);
        const selector = roundRobin({ random });
        const total: Record<string, number> = Object.fromEntries(ids(n).map((id) => [id, 0]));
        for (const picks of runs) {
          const shuffled = ready(n).sort(() => random() - 0.5);
          counts(selector.update(shuffled), picks, total);
        }
        expect(spread(Object.values(total))).toBeLessThanOrEqual(1);
      },
    ),
  );
});

describe("when the set changes", () => {
  test("those that stay keep their turns", () => {
    const selector = roundRobin({ random: seeded(3) });
    const picker = selector.update(ready(4));
    const first = take(picker);
    const second = take(picker);
    const without = selector.update(ready(4).filter((c) => c.instance.id !== first));
    const rest = Array.from({ length: 3 }, () => take(without));
    expect(rest[2]).toBe(second);
    expect(new Set([first, ...rest]).size).toBe(4);
  });
  test("a newcomer is next, once", () => {
    const selector = roundRobin({ random: seeded(3) });
    counts(selector.update(ready(3)), 10);
    const picker = selector.update([...ready(3), candidate("new")]);
    const round = Array.from({ length: 8 }, () => take(picker));
    expect(round.filter((id) => id === "new").length).toBe(2);
    expect([round[0], round[4]]).toEqual(["new", "new"]);
  });
  test("one that flaps between ready and suspect gets no more than its share", () => {
    const selector = roundRobin({ random: seeded(5) });
    const total: Record<string, number> = {};
    for (let i = 0; i < 600; i++) {
      const all = ready(3).map((c) =>
        i % 2 === 0 && c.instance.id === "i1" ? candidate("i1", "suspect") : c,
      );
      counts(selector.update(all), 1, total);
    }
    expect(total.i1).toBeLessThanOrEqual(200);
    expect(spread([total.i0 as number, total.i2 as number])).toBeLessThanOrEqual(1);
  });
});

test("one that is passed over because it was tried has its turn next", () => {
  const picker = roundRobin({ random: seeded(1) }).update(ready(3));
  const [a, b, c] = Array.from({ length: 3 }, () => take(picker) as string);
  expect(take(picker, [a as string])).toBe(b);
  expect(take(picker)).toBe(a);
  expect(take(picker)).toBe(c);
});

test("different clients begin with different ones", () => {
  const first = new Set<unknown>();
  for (let seed = 0; seed < 50; seed++)
    first.add(take(roundRobin({ random: seeded(seed) }).update(ready(5))));
  expect(first.size).toBe(5);
});
