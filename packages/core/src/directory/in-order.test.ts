import fc from "fast-check";
import { expect, test } from "vitest";
import type { Instance } from "../instance.ts";
import { InOrder } from "./in-order.ts";

interface Thing {
  instance: Instance;
  place: number;
}
const instance = (id: number): Instance => ({ id: String(id) }) as Instance;

function without(all: readonly Instance[], at: number, count: number, ...others: Instance[]): Instance[] {
  return [...all.slice(0, at), ...others, ...all.slice(at + count)];
}

/** Looks up as its users do; counts what it had to look up. */
function world() {
  const order = new InOrder<Thing>();
  const things = new Map<string, Thing>();
  let lookups = 0;
  return (listed: readonly Instance[]) => {
    lookups = 0;
    order.begin();
    const found = listed.map((i) => {
      let thing = order.next(i);
      if (thing === undefined) {
        lookups++;
        thing = things.get(i.id) ?? { instance: i, place: 0 };
        thing.instance = i;
        things.set(i.id, thing);
      }
      order.add(thing);
      return thing;
    });
    for (const [n, thing] of found.entries()) expect(thing.instance.id).toBe(listed[n]?.id);
    expect(found.map((thing) => things.get(thing.instance.id))).toEqual(found);
    return lookups;
  };
}

test("only what was changed, or comes after one that went, is looked up", () => {
  const see = world();
  const all = Array.from({ length: 10 }, (_, n) => instance(n));
  expect(see(all)).toBe(10);
  expect(see(all)).toBe(0);
  expect(see(without(all, 4, 1, instance(4)))).toBe(1);
  expect(see(all)).toBe(1);
  expect(see(without(all, 4, 3))).toBe(1);
  expect(see([...without(all, 4, 3), instance(11)])).toBe(1);
  expect(see([instance(12), ...all])).toBe(4);
});

test("whatever the order, and however often, each is found", () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.nat(9), { maxLength: 15 }), { maxLength: 10 }), (times) => {
      const see = world();
      const all = Array.from({ length: 10 }, (_, n) => instance(n));
      for (const listed of times) see(listed.map((n) => all[n] as Instance));
    }),
  );
});
