import { expect, test } from "vitest";
import { measureCases } from "./measure.ts";

test("an allocation shows as bytes, its absence as none, for synchronous and asynchronous cases", async () => {
  const results = await measureCases(
    [
      {
        name: "adds",
        heap: true,
        run(count) {
          let sum = 0;
          for (let i = 0; i < count; i++) sum = (sum + i) | 0;
          return sum;
        },
      },
      {
        name: "allocates",
        heap: true,
        run(count) {
          const all: object[] = [];
          for (let i = 0; i < count; i++) all.push({ i, half: i / 2 });
          return all;
        },
      },
      {
        name: "awaits",
        async run(count) {
          for (let i = 0; i < count; i++) await undefined;
        },
      },
    ],
    { slices: 3, sliceUs: 200, warmUs: 500 },
  );
  expect(results.map((r) => r.name)).toEqual(["adds", "allocates", "awaits"]);
  const [adds, allocates, awaits] = results;
  expect(awaits).not.toHaveProperty("bytes");
  expect(adds?.bytes).toBe(0);
  expect(allocates?.bytes).toBeGreaterThanOrEqual(16);
  for (const result of [adds, allocates, awaits]) expect(result?.nanoseconds).toBeGreaterThan(0);
});
