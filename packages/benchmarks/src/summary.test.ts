import { describe, expect, test } from "vitest";
import { BASE } from "./catalogue.ts";
import { judgeGoals } from "./goals.ts";
import type { BenchResults, Measurement } from "./results.ts";
import { quantile } from "./statistics.ts";
import { mergeResults, summarise } from "./summary.ts";

const measured = (adapter: string, round: number, rate: number, cpu = 1, phase = "c64"): Measurement => ({
  start: 1,
  round,
  adapter,
  phase,
  calls: 100,
  errors: 0,
  rate,
  serverCpuUs: cpu,
  clientCpuUs: cpu,
  serverRssMb: 50,
  clientRssMb: 50,
  others: 0,
});

const results = (measurements: Measurement[], base = BASE): BenchResults => ({
  at: "",
  node: "v20",
  cores: 2,
  starts: 1,
  rounds: 3,
  seconds: 1,
  base,
  adapters: [...new Set(measurements.map((m) => m.adapter))],
  measurements,
  absent: [],
});

describe("summarise", () => {
  test("a ratio is the median of the ratios inside each round, not the ratio of the medians", () => {
    const rows = summarise(
      results([
        ...[100, 1000, 10_000].map((rate, i) => measured(BASE, i + 1, rate)),
        ...[200, 500, 10_000].map((rate, i) => measured("skein", i + 1, rate)),
      ]),
    );
    expect(rows.find((r) => r.adapter === "skein")?.rateRatio).toEqual({ median: 1, low: 0.75, high: 1.5 });
  });
  test("a round that the base missed does not count", () => {
    const rows = summarise(
      results([measured(BASE, 1, 100), measured("skein", 1, 80), measured("skein", 2, 1)]),
    );
    expect(rows.find((r) => r.adapter === "skein")).toMatchObject({ rounds: 2, rateRatio: { median: 0.8 } });
  });
  test("runs taken together keep their rounds apart", () => {
    const one = results([measured(BASE, 1, 100), measured("skein", 1, 50)]);
    const two = results([measured(BASE, 1, 1000), measured("skein", 1, 700)]);
    const merged = mergeResults([one, two]);
    expect(merged.starts).toBe(2);
    expect(summarise(merged).find((r) => r.adapter === "skein")?.rateRatio.median).toBeCloseTo(0.6);
  });
});

describe("judgeGoals", () => {
  test("the better of two peers counts, for the rate as for CPU", () => {
    const judged = judgeGoals(
      results([
        measured("moleculer", 1, 100, 10),
        measured("nest", 1, 250, 20),
        measured("skein", 1, 1000, 1),
      ]),
    );
    expect(judged.map((g) => [g.figure, g.ratio, g.reached])).toEqual([
      ["rate", 4, false],
      ["cpu", 0.1, true],
    ]);
  });
  test("a goal whose peer was not measured is left out", () => {
    const judged = judgeGoals(
      results([measured(BASE, 1, 100), measured("skein", 1, 90), measured("nest", 1, 1)]),
    );
    expect(judged.map((g) => [g.against[0], g.figure, g.ratio, g.reached])).toEqual([
      [BASE, "rate", 0.9, true],
      [BASE, "cpu", 1, true],
    ]);
  });
});

describe("quantile", () => {
  test("interpolates, and leaves out what is not a number", () => {
    expect(quantile([3, 1, Number.NaN, 2], 0.5)).toBe(2);
    expect(quantile([1, 2], 0.25)).toBe(1.25);
    expect(quantile([], 0.5)).toBeNaN();
  });
});
