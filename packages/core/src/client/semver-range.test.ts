import fc from "fast-check";
import semver from "semver";
import { describe, expect, it } from "vitest";
import { compileRange } from "./semver-range.ts";

const small = fc.integer({ min: 0, max: 3 });
const pre = fc.oneof(
  { weight: 3, arbitrary: fc.constant("") },
  fc
    .array(fc.oneof(small.map(String), fc.constantFrom("alpha", "beta", "rc-1", "0a")), {
      minLength: 1,
      maxLength: 3,
    })
    .map((parts) => `-${parts.join(".")}`),
);
const version = fc.tuple(small, small, small, pre).map(([a, b, c, p]) => `${a}.${b}.${c}${p}`);
const part = fc.oneof({ weight: 5, arbitrary: small.map(String) }, fc.constantFrom("x", "*", "X"));
const partial = fc.oneof(
  version,
  fc.array(part, { minLength: 1, maxLength: 3 }).map((p) => p.join(".")),
);
const comparator = fc
  .tuple(fc.constantFrom("", "^", "~", "~>", ">", ">=", "<", "<=", "=", ">= "), partial)
  .map((p) => p.join(""));
const set = fc.oneof(
  { weight: 4, arbitrary: fc.array(comparator, { minLength: 1, maxLength: 3 }).map((c) => c.join(" ")) },
  fc.tuple(version, version).map((v) => v.join(" - ")),
);
const range = fc.array(set, { minLength: 1, maxLength: 2 }).map((s) => s.join(" || "));

describe("compileRange", () => {
  it("agrees with the semver package", () => {
    fc.assert(
      fc.property(range, fc.array(version, { minLength: 1, maxLength: 20 }), (r, versions) => {
        const meaning = semver.validRange(r);
        // It refuses some ranges that mean something ("x.0 0"), and of "1.0.1-0 || >=0" it forgets the first part.
        fc.pre(meaning !== null && !(meaning === "*" && r.includes("||")));
        const matches = compileRange(r);
        for (const v of versions) expect([r, v, matches(v)]).toEqual([r, v, semver.satisfies(v, r)]);
      }),
      { numRuns: 1000 },
    );
  });

  it("reads the forms of a range", () => {
    const cases: [range: string, yes: string[], no: string[]][] = [
      ["1.2.3", ["1.2.3", "1.2.3+build"], ["1.2.4", "1.2.3-rc.1"]],
      ["^1", ["1.0.0", "1.9.9"], ["0.9.0", "2.0.0", "2.0.0-rc.1", "1.1.0-rc.1"]],
      ["^0.2.3", ["0.2.3", "0.2.9"], ["0.3.0", "0.2.2"]],
      ["~1.2", ["1.2.0", "1.2.9"], ["1.3.0"]],
      ["1.x || >=2.5 <3", ["1.0.0", "2.5.0"], ["2.4.9", "3.0.0"]],
      ["1.2.3 - 2.3", ["1.2.3", "2.3.9"], ["2.4.0"]],
      ["^1.2.3-beta.2", ["1.2.3-beta.4", "1.3.0"], ["1.2.3-beta.1", "1.2.4-beta.2"]],
      ["*", ["1.0.0", "v1"], ["1.0.0-rc.1"]],
    ];
    for (const [r, yes, no] of cases) {
      const matches = compileRange(r);
      expect(yes.filter((v) => !matches(v))).toEqual([]);
      expect(no.filter(matches)).toEqual([]);
    }
  });

  it("compares what is no semantic version as a string", () => {
    const v1 = compileRange("v1");
    expect([v1("v1"), v1("v1.0.0"), v1("1.0.0")]).toEqual([true, false, false]);
    expect(compileRange("2")("2")).toBe(true);
    expect(compileRange("^1")("v1")).toBe(false);
    expect(compileRange("2024-06")("2024-06")).toBe(true);
  });

  it("refuses a range that cannot be read", () => {
    expect(() => compileRange("^one")).toThrow(
      new TypeError('version "^one" is no range: write ^1, ~1.2, 1.x, >=1.2 <2, or an exact version like v1'),
    );
    expect(() => compileRange(">=1 && <2")).toThrow(TypeError);
  });
});
