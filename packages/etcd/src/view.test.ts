import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { plainLayout, skeinLayout } from "./layouts/keyed.ts";
import { merged, View } from "./view.ts";

const json = (id: string, port: number, more: object = {}): string =>
  JSON.stringify({
    service: "user",
    version: "1.0.0",
    id,
    addresses: [{ protocol: "skein", url: `tcp://10.0.0.1:${port}` }],
    weight: 1,
    status: "serving",
    startedAt: "",
    metadata: {},
    ...more,
  });
const skein = skeinLayout("/services");
const plain = plainLayout("/services", "json");
const keyOf = (port: number): string => `/services/user/1.0.0/10.0.0.1:${port}`;
const plainKeyOf = (port: number): string => `/services/user/10.0.0.1:${port}`;
const ids = (...views: View[]): string[] => merged(views).map(({ id }) => id);

describe("records that say what they said", () => {
  test("stay the same objects, whatever their revision, and others are read", () => {
    const view = new View(skein);
    view.replace([
      { key: keyOf(1), value: json("a", 1), revision: 1 },
      { key: keyOf(2), value: json("b", 2), revision: 2 },
    ]);
    const [a, b] = merged([view]);
    view.replace([
      { key: keyOf(1), value: json("a", 1), revision: 7 },
      // As a store that was wiped may number it.
      { key: keyOf(2), value: json("b", 2, { weight: 5 }), revision: 2 },
    ]);
    const [again, other] = merged([view]);
    expect(again).toBe(a);
    expect(other).toEqual({ ...b, weight: 5 });
  });
  test("are those of a view that is alike", () => {
    const watched = new View(skein);
    const records = [
      { key: keyOf(1), value: json("a", 1), revision: 1 },
      { key: keyOf(2), value: json("b", 2), revision: 2 },
    ];
    watched.replace(records);
    const changed = { key: keyOf(2), value: json("c", 2), revision: 3 };
    const listed = new View(skein, watched);
    listed.prepare([records[0] as (typeof records)[0], changed]);
    listed.replace([records[0] as (typeof records)[0], changed]);
    expect(merged([listed])[0]).toBe(merged([watched])[0]);
    expect([ids(listed), ids(watched)]).toEqual([
      ["a", "c"],
      ["a", "b"],
    ]);
  });
});

test("what was prepared counts only once all is there, and only as it is there", () => {
  const view = new View(skein);
  view.prepare([{ key: keyOf(1), value: json("a", 1), revision: 1 }]);
  view.prepare([{ key: keyOf(2), value: "torn", revision: 2 }]);
  expect([ids(view), view.malformed.size]).toEqual([[], 0]);
  view.replace([
    { key: keyOf(1), value: json("b", 1), revision: 3 },
    { key: keyOf(2), value: "torn", revision: 2 },
  ]);
  expect([ids(view), [...view.malformed.keys()]]).toEqual([["b"], [keyOf(2)]]);
  view.replace([]);
  expect([ids(view), view.malformed.size]).toEqual([[], 0]);
});

const put = (place: number, id: string | undefined) => ({ place, id });
type Step = ReturnType<typeof put>;

/** As merged() says it, in the plainest way. */
function expected(records: ReadonlyMap<string, { readonly value: string; readonly revision: number }>) {
  const newest = new Map<string, { readonly key: string; readonly revision: number }>();
  for (const [key, { value, revision }] of records) {
    const found = skein.read(key, value);
    for (const { id } of "fault" in found ? [] : found.instances)
      if ((newest.get(id)?.revision ?? -1) < revision) newest.set(id, { key, revision });
  }
  return [...newest].map(([id, { key }]) => `${id} ${key}`).sort();
}

test("after any history there is each instance once, as its newest record has it", () => {
  const step: fc.Arbitrary<Step> = fc.record({
    place: fc.integer({ min: 1, max: 4 }),
    id: fc.constantFrom("a", "b", "c", "torn", undefined),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const view = new View(skein);
      const records = new Map<string, { readonly value: string; readonly revision: number }>();
      for (const [n, { place, id }] of steps.entries()) {
        const key = keyOf(place);
        const value = id === undefined ? undefined : id === "torn" ? "{" : json(id, place);
        if (value === undefined) records.delete(key);
        else records.set(key, { value, revision: n });
        if (n % 7 === 6) view.replace([...records].map(([k, r]) => ({ key: k, ...r })));
        else view.change({ key, value, revision: n });
        const seen = merged([view]).map((i) => `${i.id} ${keyOf(Number(i.addresses[0]?.url.split(":")[2]))}`);
        expect(seen.sort()).toEqual(expected(records));
      }
    }),
    { numRuns: 500 },
  );
});

describe("of one address", () => {
  const ours = { key: plainKeyOf(1), value: json("a", 1), revision: 1 };
  const theirs = { key: plainKeyOf(2), value: "active", revision: 2 };
  test("ours counts before what others wrote, in one layout as in several", () => {
    const view = new View(plain);
    view.replace([ours, theirs]);
    expect(merged([view])).toHaveLength(2);
    view.change({ key: plainKeyOf(2), value: "10.0.0.1:1", revision: 3 });
    expect(ids(view)).toEqual(["a"]);
    const other = new View(plain);
    other.replace([{ ...theirs, key: plainKeyOf(1) }]);
    view.change({ key: plainKeyOf(2), value: undefined, revision: 4 });
    expect([ids(view, other), ids(other, view)]).toEqual([["a"], ["a"]]);
    expect(merged([other])).toHaveLength(1);
  });
});
