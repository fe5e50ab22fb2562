import type { SelectorFactory } from "@skein/core";
import { beforeAll, describe, expect, test } from "vitest";
import { consistentHash } from "./consistent-hash.ts";
import { ejecting } from "./ejection.ts";
import { p2c } from "./p2c.ts";
import { pickFirst } from "./pick-first.ts";
import { random } from "./random.ts";
import { resilient } from "./resilient.ts";
import { roundRobin } from "./round-robin.ts";
import { type Outcome, type Scenario, simulate } from "./test/balancer-simulation.ts";
import { weighted } from "./weighted.ts";

const between = (from: number, until: number) => (now: number) => now >= from && now < until;
const middle = between(20_000, 40_000);
const never = (): boolean => false;

const good: Scenario = {
  name: "all good",
  odd: { id: "i4", from: 20_000, until: 40_000 },
  slowness: () => 1,
  fails: never,
};
const coldStart: Scenario = {
  name: "cold start",
  odd: { id: "i4", from: 20_000, until: 25_000 },
  joinsAt: 20_000,
  // A new process: fifty times slower at first, half as much over each 2 s
  slowness: (now) => 1 + 49 * 2 ** (-(now - 20_000) / 2000),
  fails: never,
};
const slow: Scenario = { ...good, name: "one slow", slowness: (now) => (middle(now) ? 20 : 1) };
const erring: Scenario = { ...good, name: "one erring", fails: middle };
const SCENARIOS = [good, coldStart, slow, erring];

const SELECTORS: Readonly<Record<string, SelectorFactory>> = {
  "default: resilient(p2c)": resilient(p2c),
  p2c,
  "round-robin": roundRobin,
  random,
  weighted,
  "consistent-hash": consistentHash,
  "ejecting(round-robin)": ejecting(roundRobin),
  "pick-first": pickFirst,
};

const outcomes = new Map<string, Outcome>();
beforeAll(() => {
  for (const [name, factory] of Object.entries(SELECTORS))
    for (const scenario of SCENARIOS) outcomes.set(`${name}, ${scenario.name}`, simulate(factory, scenario));
  // For reading: 1,000 calls a second for 60 s to ten instances; share: that of the odd one while it is odd, after 1 s
  process.stdout.write(`\n${table()}\n\n`);
}, 60_000);
const of = (name: string, scenario: Scenario): Outcome =>
  outcomes.get(`${name}, ${scenario.name}`) as Outcome;
const DEFAULT = "default: resilient(p2c)";

function table(): string {
  const cell = ({ p50, p99, failed, share }: Outcome): string =>
    [`${p50.toFixed(1)}`, p99.toFixed(1), `${(100 * share).toFixed(2)} %`, `${(100 * failed).toFixed(2)} %`]
      .map((text) => text.padStart(8))
      .join("");
  const lines = SCENARIOS.flatMap((scenario) => [
    `${scenario.name.padEnd(26)}   p50 ms  p99 ms   share  failed`,
    ...Object.keys(SELECTORS).map((name) => `  ${name.padEnd(24)}${cell(of(name, scenario))}`),
  ]);
  return lines.join("\n");
}

test("one seed, one outcome", () => {
  expect(simulate(resilient(p2c), coldStart)).toEqual(of(DEFAULT, coldStart));
  expect(simulate(resilient(p2c), coldStart, 2)).not.toEqual(of(DEFAULT, coldStart));
});

describe.each([DEFAULT, "p2c"])("%s", (name) => {
  test("all good: as quick as round-robin, and equal shares", () => {
    expect(of(name, good).p99).toBeLessThan(of("round-robin", good).p99 * 1.1);
    expect(of(name, good).share).toBeGreaterThan(0.085);
    expect(of(name, good).share).toBeLessThan(0.115);
  });
  test("one slow: the 99th percentile is at most half of round-robin's; after 1 s it has at most 1 % of the calls", () => {
    expect(of(name, slow).p99).toBeLessThanOrEqual(0.5 * of("round-robin", slow).p99);
    expect(of(name, slow).p99).toBeLessThanOrEqual(2 * of(name, good).p99);
    expect(of(name, slow).share).toBeLessThanOrEqual(0.01);
  });
  test("cold start: the 99th percentile is at most half of round-robin's", () => {
    expect(of(name, coldStart).p99).toBeLessThanOrEqual(0.5 * of("round-robin", coldStart).p99);
  });
});

test("one erring: with ejection nearly no call goes there", () => {
  expect(of("round-robin", erring).failed).toBeGreaterThan(0.03);
  for (const name of [DEFAULT, "ejecting(round-robin)"]) {
    expect(of(name, erring).failed).toBeLessThan(0.001);
    expect(of(name, erring).share).toBeLessThan(0.001);
  }
});
