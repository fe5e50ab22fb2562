import { describe, expect, it } from "vitest";
import { checkPolicy } from "./check-policy.ts";
import { DEFAULT_HEDGE, DEFAULT_POLICY } from "./policy.ts";

/** Every field there is: its path, and a value that is right. */
const FIELDS: readonly (readonly [string, unknown])[] = [
  ...leaves({ ...DEFAULT_POLICY, hedge: DEFAULT_HEDGE }),
  ["idempotent", true],
];

function leaves(of: object, path = ""): [string, unknown][] {
  return Object.entries(of).flatMap(([name, value]): [string, unknown][] =>
    typeof value === "object" ? leaves(value, `${path}${name}.`) : [[`${path}${name}`, value]],
  );
}

/** `a.b.c` as an object. */
function nested(path: string, value: unknown): object {
  return path.split(".").reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as object;
}

const check =
  (path: string, value: unknown): (() => void) =>
  () =>
    checkPolicy(nested(path, value), "createClient");
/** Without the `toThrow(string)` that is content with a part. */
function message(run: () => void): string {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    return (error as Error).message;
  }
  return "";
}

describe("each field", () => {
  it.each(FIELDS)("%s is known, of the client and of a service: %j", (path, value) => {
    expect(check(path, value)).not.toThrow();
    expect(check(`services.user.${path}`, value)).not.toThrow();
    expect(check(path, undefined)).not.toThrow();
  });

  it.each(FIELDS)("%s refuses what is of another type, by its path", (path) => {
    for (const [value, shown] of [
      ["soon", '"soon"'],
      [null, "null"],
      [[], "an array"],
    ]) {
      const start = `createClient: policy.${path} is ${shown}: give `;
      expect(message(check(path, value))).toContain(start);
      expect(message(check(`services.user.${path}`, value))).toContain(`policy.services.user.${path} is `);
    }
  });

  it.each(FIELDS.filter(([path]) => !["waitForReady", "idempotent"].includes(path)))(
    "%s refuses numbers that are out of range",
    (path) => {
      for (const value of [-1, Number.NaN])
        expect(message(check(path, value))).toContain(`createClient: policy.${path} is ${value}: give `);
    },
  );

  it.each([
    ["timeoutMs", 0, "milliseconds, more than 0"],
    ["retries.maxTries", 0, "a whole number, 1 or more"],
    ["retries.maxTries", 1.5, "a whole number, 1 or more"],
    ["retries.backoffMs", Number.POSITIVE_INFINITY, "milliseconds, 0 or more"],
    ["hedge.afterMs", "p99", '"p95", or milliseconds, 0 or more'],
    ["hedge.maxExtra", 1.1, "a share, from 0 to 1"],
    ["retryBudget.windowMs", 0, "milliseconds, more than 0"],
    ["retryBudget.ratio", -0.1, "a number, 0 or more"],
    ["connect.timeoutMs", Number.POSITIVE_INFINITY, "milliseconds, more than 0"],
    ["liveness.quietMs", 0, "milliseconds, more than 0"],
    ["subset.size", 0, "a whole number, 1 or more"],
    ["ejection.successRate", 80, "a share, from 0 to 1"],
    ["slowStart.windowMs", 0, "milliseconds, more than 0"],
    ["waitForReady", 1, "true or false"],
    ["retries", "no", "true, false, or an object of maxTries, backoffMs, maxBackoffMs"],
    ["ejection", 5, /^true, false, or an object of consecutive, /],
    ["connect", true, "an object of timeoutMs, backoffMs, maxBackoffMs"],
    ["services", [], "an object of policies by name"],
  ])("%s is not %j", (path, value, give) => {
    const said = message(check(path, value));
    const start = `createClient: policy.${path} is `;
    expect(said.startsWith(start)).toBe(true);
    expect(said.slice(said.indexOf(": give ") + ": give ".length)).toEqual(
      typeof give === "string" ? give : expect.stringMatching(give),
    );
  });

  it.each(["retries", "hedge", "subset", "ejection", "slowStart"])("%s may be on or off", (field) => {
    expect(check(field, true)).not.toThrow();
    expect(check(field, false)).not.toThrow();
  });
});

describe("a field that is not known", () => {
  it("is refused, naming those that are, and first the one that was meant", () => {
    expect(message(check("hegde", true))).toBe(
      "createClient: policy.hegde is not known: did you mean hedge? there are timeoutMs, idempotent, waitForReady, retries, " +
        "hedge, retryBudget, connect, liveness, subset, ejection, slowStart, services",
    );
    expect(message(check("services.user.methods.getUser.ejection", false))).toBe(
      "createClient: policy.services.user.methods.getUser.ejection is not known: " +
        "there are timeoutMs, idempotent, waitForReady, retries, hedge",
    );
    expect(message(check("services.user.retries.maxtries", 2))).toBe(
      "createClient: policy.services.user.retries.maxtries is not known: did you mean maxTries? " +
        "there are maxTries, backoffMs, maxBackoffMs",
    );
  });

  it.each(["retries", "hedge", "retryBudget", "connect", "liveness", "subset", "ejection", "slowStart"])(
    "is refused in %s",
    (group) => {
      expect(message(check(`${group}.toString`, 1))).toContain(`policy.${group}.toString is not known`);
    },
  );

  it("is not a service's or a method's name, but a name that no service can have is refused", () => {
    expect(check("services.whoever.methods.whatever", { timeoutMs: 1 })).not.toThrow();
    expect(message(check("services.a/b", {}))).toMatch(/^createClient: policy\.services: .*a\/b/);
    expect(message(check("services.user", 1))).toMatch(/policy\.services\.user is 1: give an object of /);
  });
});
