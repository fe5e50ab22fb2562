import { DEFAULT_POLICY, type Picker, type SelectionPolicy } from "@skein/core";
import { expect, test } from "vitest";
import { ejecting } from "./ejection.ts";
import { resilient } from "./resilient.ts";
import { roundRobin } from "./round-robin.ts";
import { slowStart } from "./slow-start.ts";
import { candidate, ready, request } from "./test/candidates.ts";

type Ejection = Partial<NonNullable<SelectionPolicy["ejection"]>>;

const told = (ejection: Ejection | undefined): { random(): number; policy: SelectionPolicy } => ({
  random: () => 0.999,
  policy: {
    ejection: ejection === undefined ? undefined : { ...DEFAULT_POLICY.ejection, ...ejection },
    slowStart: undefined,
  },
});

/** When, in ms, i0 was asked: a call each ms, all of i0's failing but each `goodOf`th. */
function asked(picker: Picker, ms: number, goodOf = Number.POSITIVE_INFINITY): number[] {
  const at: number[] = [];
  for (let now = 0; now < ms; now++) {
    const pick = picker.pick(request(undefined, now));
    const first = pick?.candidate.instance.id === "i0";
    if (first) at.push(now);
    pick?.done(now, now, first && at.length % goodOf !== 0, 0);
  }
  return at;
}
const times = (ejection: Ejection | undefined, ms = 400, goodOf?: number): number =>
  asked(ejecting(roundRobin)(told(ejection)).update(ready(4)), ms, goodOf).length;

test("ejection: each field of the policy has its effect", () => {
  expect(times({})).toBe(5);
  expect(times({ consecutive: 3 })).toBe(3);
  // Every second one is good: only the share tells
  expect(times({}, 400, 2)).toBe(5);
  expect(times({ minCalls: 9 }, 400, 2)).toBe(9);
  expect(times({ successRate: 0.2 }, 400, 2)).toBe(100);
  expect(times({ windowMs: 3 }, 400, 2)).toBe(100);
  // One probe a backoff step
  expect(times({ backoffMs: 100, maxBackoffMs: 100 })).toBe(5 + 3);
  expect(times({ backoffMs: 100, maxBackoffMs: 1000 })).toBe(5 + 2);
  expect(times({ minAvailable: 1 })).toBe(100);
  expect(times(undefined)).toBe(100);
});

test("options of the wrapper itself win over the policy, field by field", () => {
  const count = (ejection: Ejection | undefined, own: Ejection): number =>
    asked(ejecting(roundRobin, own)(told(ejection)).update(ready(4)), 400).length;
  expect(count({ consecutive: 3 }, { consecutive: 2 })).toBe(2);
  expect(count({ consecutive: 3 }, { successRate: 0.5 })).toBe(3);
  expect(count(undefined, { consecutive: 2 })).toBe(2);
});

/** Of 4000 calls over the first 10 s of one that is new among three, its own. */
function newcomers(policy: SelectionPolicy | undefined, own?: { readonly least: number }): number {
  let draws = 0;
  const random = (): number => (draws++ * 0.618) % 1;
  const selector = slowStart(roundRobin, own)({ random, policy });
  const old = ready(3);
  selector.update(old).pick(request(undefined, 0))?.done(0, 0, false, 0);
  const picker = selector.update([...old, candidate("new")]);
  let share = 0;
  for (let i = 0; i < 4000; i++) {
    const now = 20_000 + i * 2.5;
    const pick = picker.pick(request(undefined, now));
    if (pick?.candidate.instance.id === "new") share++;
    pick?.done(now, now, false, 0);
  }
  return share;
}

test("slowStart: each field of the policy has its effect", () => {
  const { ejection, slowStart: rules } = DEFAULT_POLICY;
  const plain = newcomers(undefined);
  expect(plain).toBeLessThan(700);
  expect(newcomers(DEFAULT_POLICY)).toBe(plain);
  expect(newcomers({ ejection, slowStart: { ...rules, windowMs: 1000 } })).toBeGreaterThan(900);
  expect(newcomers({ ejection, slowStart: { ...rules, least: 0.9 } })).toBeGreaterThan(800);
  expect(newcomers(DEFAULT_POLICY, { least: 0.9 })).toBeGreaterThan(800);
  expect(newcomers({ ejection, slowStart: undefined })).toBe(1000);
});

test("clients' own selectors hold to it", () => {
  const picks = (policy: SelectionPolicy): number =>
    asked(resilient(roundRobin)({ random: () => 0.999, policy }).update(ready(4)), 400).length;
  expect(picks(DEFAULT_POLICY)).toBe(5);
  expect(picks({ ejection: undefined, slowStart: undefined })).toBe(100);
});
