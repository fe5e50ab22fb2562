import { expect, test } from "vitest";
import { pickFirst } from "./pick-first.ts";
import { candidate, counts, ids, ready, seeded, take } from "./test/candidates.ts";

test("all calls go to one", () => {
  const total = counts(pickFirst({ random: seeded(1) }).update(ready(5)), 100);
  expect(Object.values(total)).toEqual([100]);
});

test("not to the same one in all clients", () => {
  const first = Array.from({ length: 50 }, (_, seed) =>
    take(pickFirst({ random: seeded(seed) }).update(ready(5))),
  );
  expect(new Set(first).size).toBe(5);
});

test("to the next when it is not ready, which keeps them", () => {
  const selector = pickFirst({ random: seeded(1) });
  const first = take(selector.update(ready(3))) as string;
  const suspected = ready(3).map((c) => (c.instance.id === first ? candidate(first, "suspect") : c));
  const second = take(selector.update(suspected)) as string;
  expect(second).not.toBe(first);
  expect(take(selector.update(ready(3)))).toBe(second);
  expect(take(selector.update(ready(3).reverse()))).toBe(second);
});

test("a newcomer changes nothing; when the one goes, another takes its place", () => {
  const selector = pickFirst({ random: seeded(1) });
  const first = take(selector.update(ready(3)));
  expect(take(selector.update(ready(9)))).toBe(first);
  const rest = ready(9).filter((c) => c.instance.id !== first);
  expect(ids(9)).toContain(take(selector.update(rest)));
});

test("a call that failed there goes to the next, and only that call", () => {
  const picker = pickFirst({ random: seeded(1) }).update(ready(3));
  const first = take(picker) as string;
  const second = take(picker, [first]) as string;
  expect(second).not.toBe(first);
  expect(take(picker, [first])).toBe(second);
  expect(take(picker)).toBe(first);
});

test("one that is ready before those that are not, and none of those that may not be asked", () => {
  const selector = pickFirst({ random: seeded(1) });
  const all = [
    candidate("draining", "draining"),
    candidate("none", "ready", 0),
    candidate("suspect", "suspect"),
    candidate("idle", "idle"),
    candidate("ready"),
  ];
  const first = (n: number) => take(selector.update(all.slice(0, n)));
  expect([5, 4, 3, 2, 0].map(first)).toEqual(["ready", "idle", "suspect", undefined, undefined]);
  const picker = selector.update(all);
  expect(take(picker, ["ready", "idle"])).toBe("suspect");
  expect(take(picker, ["ready", "idle", "suspect"])).toBeUndefined();
});
