import fc from "fast-check";
import { expect, test } from "vitest";
import { Latencies } from "./latencies.ts";

test("quantiles stay within 1/128, or 1 µs, above the exact ones", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 60_000, noNaN: true }), { minLength: 1, maxLength: 300 }),
      fc.constantFrom(0, 0.5, 0.99, 0.999, 1),
      (values, q) => {
        const latencies = new Latencies();
        for (const value of values) latencies.record(value);
        const sorted = values.toSorted((a, b) => a - b);
        const exact = sorted[Math.max(1, Math.ceil(q * values.length)) - 1] ?? Number.NaN;
        const told = latencies.quantile(q) ?? Number.NaN;
        expect(told).toBeGreaterThanOrEqual(exact);
        expect(told).toBeLessThanOrEqual(exact * (1 + 1 / 128) + 0.001 + 1e-9);
      },
    ),
  );
});

test("none, and more than an hour", () => {
  const latencies = new Latencies();
  expect(latencies.quantile(0.5)).toBeUndefined();
  latencies.record(1e10);
  expect(latencies.maxMs).toBe(1e10);
  expect(latencies.count).toBe(1);
});
