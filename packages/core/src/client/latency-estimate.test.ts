import { expect, it } from "vitest";
import { LatencyEstimate } from "./latency-estimate.ts";

const add = (estimate: LatencyEstimate, times: number, ms: (i: number) => number): void => {
  for (let i = 0; i < times; i++) estimate.add(ms(i));
};

it("knows nothing before 20 calls", () => {
  const estimate = new LatencyEstimate();
  add(estimate, 19, () => 5);
  expect(estimate.p95Ms).toBeUndefined();
  estimate.add(5);
  expect(estimate.p95Ms).toBeCloseTo(5, 0);
});

it("is within a bucket of what 95 of 100 calls take", () => {
  const estimate = new LatencyEstimate();
  add(estimate, 960, (i) => (i % 100) + 1);
  expect(estimate.p95Ms).toBeGreaterThanOrEqual(95);
  expect(estimate.p95Ms).toBeLessThan(95 * 1.2);
});

it("goes with the time: what was long ago is forgotten", () => {
  const estimate = new LatencyEstimate();
  add(estimate, 5000, () => 10);
  add(estimate, 100, () => 100);
  expect(estimate.p95Ms).toBeGreaterThan(100);
  add(estimate, 4000, () => 1);
  expect(estimate.p95Ms).toBeLessThan(2);
});
