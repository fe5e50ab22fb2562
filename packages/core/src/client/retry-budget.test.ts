import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEFAULT_POLICY } from "./policy.ts";
import { RetryBudget } from "./retry-budget.ts";

function drain(budget: RetryBudget, now: number): number {
  let taken = 0;
  while (budget.withdraw(now)) taken++;
  return taken;
}

describe("RetryBudget", () => {
  it("holds three retries a second for its ten seconds before any call", () => {
    expect(drain(new RetryBudget(DEFAULT_POLICY.retryBudget), 0)).toBe(30);
  });

  it("adds one for each ten calls", () => {
    const budget = new RetryBudget(DEFAULT_POLICY.retryBudget);
    for (let i = 0; i < 105; i++) budget.deposit(0);
    expect(budget.available(0)).toBe(40);
    expect(drain(budget, 0)).toBe(40);
  });

  it("forgets deposits and withdrawals after ten seconds", () => {
    const budget = new RetryBudget(DEFAULT_POLICY.retryBudget);
    for (let i = 0; i < 1000; i++) budget.deposit(500);
    expect(budget.available(9_999)).toBe(130);
    expect(budget.available(10_500)).toBe(30);
    expect(drain(budget, 10_500)).toBe(30);
    expect(drain(budget, 19_000)).toBe(0);
    expect(drain(budget, 20_500)).toBe(30);
    expect(budget.available(1e9)).toBe(30);
  });

  it("spares what is in flight on an instance that is lost, once in a window for each", () => {
    const budget = new RetryBudget(DEFAULT_POLICY.retryBudget);
    expect(drain(budget, 0)).toBe(30);
    for (let i = 0; i < 500; i++) expect(budget.withdraw(5 + i / 10, "a")).toBe(true);
    expect(budget.withdraw(60)).toBe(false);
    expect(budget.affords(200, "a")).toBe(false);
    expect(budget.withdraw(200, "a")).toBe(false);
    expect(budget.affords(200, "b")).toBe(true);
    expect(budget.withdraw(200, "b")).toBe(true);
    expect(budget.withdraw(9_900, "a")).toBe(false);
    expect(budget.withdraw(10_010, "a")).toBe(true);
  });

  it("spares nobody where it is told not to", () => {
    const budget = new RetryBudget({ ...DEFAULT_POLICY.retryBudget, losses: false });
    expect(drain(budget, 0)).toBe(30);
    expect(budget.withdraw(0, "a")).toBe(false);
  });

  it("never lets retries in any ten seconds exceed a tenth of the calls by more than the reserve", () => {
    const step = fc.record({ gap: fc.integer({ min: 0, max: 3000 }), call: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const budget = new RetryBudget(DEFAULT_POLICY.retryBudget);
        const calls: number[] = [];
        const retries: number[] = [];
        let now = 0;
        for (const { gap, call } of steps) {
          now += gap % 7 === 0 ? gap : gap % 20;
          if (call) {
            budget.deposit(now);
            calls.push(now);
          } else if (budget.withdraw(now)) retries.push(now);
          const second = Math.floor(now / 1000);
          const recent = (at: number): boolean => Math.floor(at / 1000) > second - 10;
          expect(retries.filter(recent).length).toBeLessThanOrEqual(30 + calls.length / 10);
        }
      }),
    );
  });
});
