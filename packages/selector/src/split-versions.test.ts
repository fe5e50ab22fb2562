import type { Candidate } from "@skein/core";
import { describe, expect, test } from "vitest";
import { consistentHash } from "./consistent-hash.ts";
import { p2c } from "./p2c.ts";
import { splitVersions } from "./split-versions.ts";
import { candidate, having, request, seeded, take } from "./test/candidates.ts";

/** Instances named by their version: "1.2.0#0". */
const versions = (sizes: Record<string, number>): Candidate[] =>
  Object.entries(sizes).flatMap(([version, size]) =>
    Array.from({ length: size }, (_, i) => having(candidate(`${version}#${i}`), { version })),
  );

const create = (shares: Record<string, number>, factory = p2c) =>
  splitVersions(shares, factory)({ random: seeded(1) });

/** Share of 20,000 picks by version. */
function shares(picker: ReturnType<ReturnType<typeof create>["update"]>): Record<string, number> {
  const total: Record<string, number> = {};
  for (let i = 0; i < 20_000; i++) {
    const version = (take(picker) ?? "nobody").split("#")[0] as string;
    total[version] = (total[version] ?? 0) + 1 / 20_000;
  }
  return total;
}

test("by weight, however many instances each has", () => {
  const share = shares(create({ "^1": 95, "^2": 5 }).update(versions({ "1.0.0": 1, "2.0.0": 9 })));
  expect(share["1.0.0"]).toBeCloseTo(0.95, 2);
  expect(share["2.0.0"]).toBeCloseTo(0.05, 2);
});

test("ranges, exact versions and words; the first that fits counts; who fits none gets nothing", () => {
  const all = versions({ "1.4.0": 1, "1.5.1": 1, "2.0.0": 1, v9: 1, "3.0.0": 1 });
  const share = shares(create({ "1.5.1": 1, "^1": 1, ">=2 <3": 1, v9: 1 }).update(all));
  expect(Object.keys(share).sort()).toEqual(["1.4.0", "1.5.1", "2.0.0", "v9"]);
  for (const version of Object.keys(share)) expect(share[version]).toBeCloseTo(0.25, 1);
});

describe("a range with nobody ready", () => {
  const all = versions({ "1.0.0": 2, "2.0.0": 1, "3.0.0": 1 });
  test("leaves its share to the others", () => {
    const given = create({ "^1": 60, "^2": 30, "^3": 10 });
    const suspected = all.map((c) =>
      c.instance.version === "2.0.0" ? candidate(c.instance.id, "suspect") : c,
    );
    const share = shares(
      given.update(suspected.map((c, i) => having(c, { version: all[i]?.instance.version ?? "" }))),
    );
    expect(share["1.0.0"]).toBeCloseTo(0.9, 1);
    expect(share["3.0.0"]).toBeCloseTo(0.1, 1);
    expect(share["2.0.0"]).toBeUndefined();
  });
  test("a call that has tried all of it goes to another one", () => {
    const picker = create({ "^1": 1, "^2": 0.0001 }).update(all.slice(0, 3));
    expect(take(picker, ["1.0.0#0", "1.0.0#1"])).toBe("2.0.0#0");
    expect(take(picker, ["1.0.0#0", "1.0.0#1", "2.0.0#0"])).toBeUndefined();
  });
  test("weight 0 gets nothing at all", () => {
    const picker = create({ "^1": 1, "^2": 0 }).update(all.slice(0, 3));
    expect(take(picker, ["1.0.0#0", "1.0.0#1"])).toBeUndefined();
  });
});

test("a key stays with its range, and only as many change theirs as the weights say", () => {
  const all = versions({ "1.0.0": 3, "2.0.0": 3 });
  const keys = Array.from({ length: 4000 }, (_, i) => `customer-${i}`);
  const versionsOf = (weights: Record<string, number>): string[] => {
    const picker = create(weights, consistentHash).update(all);
    return keys.map((key) => {
      const pick = picker.pick(request(undefined, 0, key));
      pick?.done(0, 0, false, 0);
      return pick?.candidate.instance.version as string;
    });
  };
  const before = versionsOf({ "^1": 95, "^2": 5 });
  expect(versionsOf({ "^1": 95, "^2": 5 })).toEqual(before);
  const after = versionsOf({ "^1": 80, "^2": 20 });
  const back = before.filter((version, i) => version === "2.0.0" && after[i] === "1.0.0");
  const forth = before.filter((version, i) => version === "1.0.0" && after[i] === "2.0.0");
  expect(back).toEqual([]);
  expect(forth.length / keys.length).toBeCloseTo(0.15, 1);
});

test.each([
  [{}, "no range has a weight above 0"],
  [{ "^1": 0 }, "no range has a weight above 0"],
  [{ "^1": -1 }, 'the weight of "^1" is -1: give 0 or more'],
  [{ "^1": Number.NaN }, 'the weight of "^1" is NaN: give 0 or more'],
  [{ ">>1": 1 }, 'version ">>1" is no range'],
])("%j cannot be", (weights, message) => {
  expect(() => splitVersions(weights as Record<string, number>, p2c)).toThrow(message);
});
