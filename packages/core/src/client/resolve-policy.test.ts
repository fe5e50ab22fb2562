import { expect, it } from "vitest";
import { DEFAULT_HEDGE, DEFAULT_POLICY, type Policy } from "./policy.ts";
import { type CallBasis, type MethodPolicy, resolvePolicy } from "./resolve-policy.ts";

const of = (policy: Policy, basis: CallBasis = {}): ReturnType<typeof resolvePolicy> =>
  resolvePolicy(policy, basis, "user");
const method = (policy: Policy, basis: CallBasis = {}): MethodPolicy => of(policy, basis).method("getUser");

it("is the default where nothing is said", () => {
  const { method: _, selection, ...rest } = of({});
  const { retryBudget, connect, liveness, subset, ejection, slowStart } = DEFAULT_POLICY;
  expect(rest).toEqual({ retryBudget, connect, liveness, subset });
  expect(selection).toEqual({ ejection, slowStart });
  expect(method({})).toEqual({
    timeoutMs: undefined,
    streamTimeoutMs: undefined,
    idempotent: undefined,
    waitForReady: false,
    retries: true,
    retry: DEFAULT_POLICY.retries,
    hedge: undefined,
  });
});

/** The same field, said further and further away from the call. */
function levels(field: string, values: readonly unknown[]): MethodPolicy[] {
  const [inMethod, inService, inClient, inBasis] = values.map((value) => ({ [field]: value }));
  const service = { ...inService, methods: { getUser: { ...inMethod } } };
  return [
    method({ ...inClient, services: { user: service } }, inBasis),
    method({ ...inClient, services: { user: { ...inService } } }, inBasis),
    method(
      { ...inClient, services: { other: service, user: { methods: { other: { ...inMethod } } } } },
      inBasis,
    ),
    method({}, inBasis),
  ];
}

it("goes by what is said nearest: of the method, of the service, of the client, and then by the client's options", () => {
  expect(levels("timeoutMs", [1, 2, 3, 4]).map((p) => p.timeoutMs)).toEqual([1, 2, 3, 4]);
  expect(levels("idempotent", [true, false, true, false]).map((p) => p.idempotent)).toEqual([
    true,
    false,
    true,
    false,
  ]);
  expect(levels("waitForReady", [true, false, true, false]).map((p) => p.waitForReady)).toEqual([
    true,
    false,
    true,
    false,
  ]);
  expect(levels("retries", [false, true, false, true]).map((p) => p.retries)).toEqual([
    false,
    true,
    false,
    true,
  ]);
  expect(
    levels("hedge", [{ afterMs: 1 }, { afterMs: 2 }, { afterMs: 3 }]).map((p) => p.hedge?.afterMs),
  ).toEqual([1, 2, 3, undefined]);
});

it("bounds streams only where their own method is named", () => {
  expect(levels("timeoutMs", [1, 2, 3, 4]).map((p) => p.streamTimeoutMs)).toEqual([
    1,
    undefined,
    undefined,
    undefined,
  ]);
});

it("goes field by field: what is off is turned on by a nearer object, with what was said further away", () => {
  const policy = {
    retries: { backoffMs: 50, maxTries: 5 },
    services: { user: { retries: false, methods: { getUser: { retries: { maxTries: 2 } } } } },
  } as const;
  expect(method(policy)).toMatchObject({
    retries: true,
    retry: { maxTries: 2, backoffMs: 50, maxBackoffMs: 1000 },
  });
  expect(of(policy).method("addUser").retries).toBe(false);
  expect(method({ hedge: true }).hedge).toEqual(DEFAULT_HEDGE);
  expect(method({ hedge: { maxExtra: 0.1 }, services: { user: { hedge: false } } }).hedge).toBeUndefined();
  expect(method({ retries: { maxTries: undefined } }).retry.maxTries).toBe(3);
});

it.each(["retryBudget", "connect", "liveness", "subset"] as const)(
  "goes by the service's own %s",
  (group) => {
    const [first, second] = Object.keys(DEFAULT_POLICY[group]) as [never, never];
    const policy = { [group]: { [first]: 7, [second]: 8 }, services: { user: { [group]: { [first]: 9 } } } };
    expect(of(policy)[group]).toMatchObject({ [first]: 9, [second]: 8 });
    expect(resolvePolicy(policy, {}, "other")[group]).toMatchObject({ [first]: 7, [second]: 8 });
  },
);

it("turns off what can be off", () => {
  const off = { subset: false, ejection: false, slowStart: false };
  const policy = { ...off, services: { user: { ejection: { consecutive: 3 } } } };
  expect(of(policy)).toMatchObject({
    subset: undefined,
    selection: { ejection: { consecutive: 3, minCalls: 5 }, slowStart: undefined },
  });
  expect(resolvePolicy(policy, {}, "other").selection.ejection).toBeUndefined();
});

it("takes what objects have from their birth for no policy", () => {
  const policy = { services: {} };
  expect(resolvePolicy(policy, {}, "toString").method("constructor")).toEqual(method({}));
});
