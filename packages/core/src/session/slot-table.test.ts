import fc from "fast-check";
import { expect, test } from "vitest";
import { SlotTable, slotOf } from "./slot-table.ts";

test("ids are found until they are taken, and never again", () => {
  const table = new SlotTable<string>();
  const a = table.add("a");
  const b = table.add("b");
  expect([slotOf(a), slotOf(b)]).toEqual([0, 1]);
  expect(table.take(a)).toBe("a");
  expect(table.take(a)).toBeUndefined();
  const c = table.add("c");
  expect(slotOf(c)).toBe(0);
  expect(c).not.toBe(a);
  expect(table.get(a)).toBeUndefined();
  expect(table.get(b)).toBe("b");
});

test("an id is never 0 and never negative, however often a slot is used", () => {
  const table = new SlotTable<number>();
  const seen = new Set<number>();
  for (let i = 0; i < 5000; i++) {
    const id = table.add(i);
    expect(id).toBeGreaterThan(0);
    seen.add(id);
    table.take(id);
  }
  expect(seen.size).toBe(2047);
});

test("agrees with a Map under random use", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constant(-1), fc.nat(50)), { maxLength: 200 }), (steps) => {
      const table = new SlotTable<number>();
      const model = new Map<number, number>();
      const ids: number[] = [];
      steps.forEach((step, i) => {
        if (step < 0) {
          const id = table.add(i);
          expect(model.has(id)).toBe(false);
          model.set(id, i);
          ids.push(id);
        } else {
          const id = ids[step % Math.max(1, ids.length)] ?? 7;
          expect(table.get(id)).toBe(model.get(id));
          expect(table.take(id)).toBe(model.get(id));
          model.delete(id);
        }
        expect(table.size).toBe(model.size);
      });
      const left: number[] = [];
      table.forEach((item) => void left.push(item));
      expect(left.sort()).toEqual([...model.values()].sort());
    }),
  );
});
