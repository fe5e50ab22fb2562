import type { Candidate, CandidateState, Pick, SelectorFactory } from "@skein/core";
import { describe, expect, test } from "vitest";
import { p2c } from "./p2c.ts";
import { candidate, counts, ids, ready, request, seeded, take } from "./test/candidates.ts";

test("equal ones get equal shares", () => {
  const total = counts(p2c({ random: seeded(1) }).update(ready(10)), 100_000);
  for (const id of ids(10)) expect(total[id]).toBeGreaterThan(9_000);
});

test("calls in flight are counted, also when answers take no time by the clock", () => {
  const picker = p2c({ random: seeded(1) }).update(ready(2));
  const held = new Map<string, number>();
  let now = 0;
  for (; now < 1_000_000; now += 10_000) take(picker, undefined, now);
  for (let i = 0; i < 100; i++) {
    const id = picker.pick(request(undefined, now))?.candidate.instance.id as string;
    held.set(id, (held.get(id) ?? 0) + 1);
  }
  expect([...held.values()]).toEqual([50, 50]);
});

test("a newcomer among those that answer at once is tried within seconds", () => {
  const selector = p2c({ random: seeded(1) });
  const warm = sequence(selector, ready(3), 300, () => ({ tookMs: 0 }));
  const { total } = sequence(
    selector,
    [...ready(3), candidate("new")],
    3000,
    () => ({ tookMs: 0 }),
    warm.now,
  );
  expect(total.new).toBeGreaterThan(200);
});

test("a call that was given up says only that it would have taken at least so long", () => {
  const picker = p2c({ random: seeded(1) }).update(ready(2));
  // Both are known to take 10 ms; calls to i0 are given up, at once and then after 500 ms
  for (let now = 0; now < 1000; now += 10)
    picker.pick(request(undefined, now))?.done(now, now + 10, false, 0);
  const share = (givenUpAfter: number, from: number): number => {
    let first = 0;
    for (let now = from; now < from + 10_000; now += 100) {
      const pick = picker.pick(request(undefined, now)) as Pick;
      const isFirst = pick.candidate.instance.id === "i0";
      if (isFirst) first++;
      pick.done(now, now + (isFirst ? givenUpAfter : 10), isFirst ? undefined : false, 0);
    }
    return first;
  };
  expect(share(0, 2000)).toBeGreaterThan(20);
  expect(share(500, 20_000)).toBeLessThan(5);
});

test("who was silent and is heard again gets its share at once, whatever the calls took that it kept waiting", () => {
  const selector = p2c({ random: seeded(1) });
  const warm = sequence(selector, ready(3), 300, () => ({ tookMs: 5 }));
  const picker = selector.update(ready(3));
  const [stuck, others]: [Pick[], Pick[]] = [[], []];
  for (let i = 0; i < 30; i++) {
    const pick = picker.pick(request(undefined, warm.now)) as Pick;
    if (pick.candidate.instance.id === "i0") stuck.push(pick);
    else others.push(pick);
  }
  for (const pick of others) pick.done(warm.now, warm.now + 5, false, 0);
  expect(stuck.length).toBeGreaterThan(5);
  const without = sequence(
    selector,
    [candidate("i0", "suspect"), candidate("i1"), candidate("i2")],
    1000,
    () => ({ tookMs: 5 }),
    warm.now,
  );
  expect(without.total.i0).toBeUndefined();
  stuck[0]?.done(warm.now, without.now, false, 0);
  selector.update(ready(3));
  // These come when it has been heard already.
  for (const pick of stuck.slice(1)) pick.done(warm.now, without.now + 5, false, 0);
  const { total } = sequence(selector, ready(3), 300, () => ({ tookMs: 5 }), without.now);
  expect(total.i0).toBeGreaterThan(70);
});

test("twice the weight, twice the calls in flight", () => {
  const picker = p2c({ random: seeded(1) }).update([candidate("a"), candidate("b", "ready", 2)]);
  let a = 0;
  for (let i = 0; i < 300; i++) if (picker.pick(request())?.candidate.instance.id === "a") a++;
  expect(a).toBeGreaterThan(95);
  expect(a).toBeLessThan(105);
});

/** One call at a time among `all`; answers as `behave` says. Returns how often each was picked. */
function sequence(
  selector: ReturnType<SelectorFactory>,
  all: readonly Candidate[],
  calls: number,
  behave: (id: string, now: number) => { tookMs: number; failed?: boolean },
  from = 0,
): { total: Record<string, number>; now: number } {
  const total: Record<string, number> = {};
  const picker = selector.update(all);
  let now = from;
  for (let i = 0; i < calls; i++) {
    const pick = picker.pick(request(undefined, now)) as Pick;
    const { id } = pick.candidate.instance;
    total[id] = (total[id] ?? 0) + 1;
    const { tookMs, failed = false } = behave(id, now);
    pick.done(now, now + tookMs, failed, 0);
    now += 10;
  }
  return { total, now };
}

describe("one among five", () => {
  test("that hangs loses its traffic before it has answered anything", () => {
    const picker = p2c({ random: seeded(1) }).update(ready(5));
    let hanging = 0;
    for (let now = 0; now < 10_000; now++) {
      const pick = picker.pick(request(undefined, now)) as Pick;
      if (pick.candidate.instance.id === "i0") hanging++;
      else pick.done(now, now + 2, false, 0);
    }
    expect(hanging).toBeLessThan(20);
  });
  test("that fails at once does not look quick", () => {
    const { total } = sequence(p2c({ random: seeded(1) }), ready(5), 10_000, (id) =>
      id === "i0" ? { tookMs: 0, failed: true } : { tookMs: 5 },
    );
    expect(total.i0).toBeLessThan(300);
    expect(total.i0).toBeGreaterThan(0);
  });
  test("that was slow once is tried again within a minute or two, and has its share then", () => {
    const selector = p2c({ random: seeded(1) });
    const all = ready(5);
    const warm = sequence(selector, all, 500, () => ({ tookMs: 1 }));
    let spiked = false;
    const spike = sequence(
      selector,
      all,
      50,
      (id) => {
        if (id !== "i0" || spiked) return { tookMs: 1 };
        spiked = true;
        return { tookMs: 500 };
      },
      warm.now,
    );
    expect(spiked).toBe(true);
    const minute = sequence(selector, all, 3000, () => ({ tookMs: 1 }), spike.now);
    expect(minute.total.i0 ?? 0).toBeLessThan(30);
    const later = sequence(selector, all, 9000, () => ({ tookMs: 1 }), minute.now);
    const after = sequence(selector, all, 5000, () => ({ tookMs: 1 }), later.now);
    expect(after.total.i0).toBeGreaterThan(700);
  });
  test("keeps its statistics when the set is told anew", () => {
    const selector = p2c({ random: seeded(1) });
    const slow = (id: string) => ({ tookMs: id === "i0" ? 1000 : 1 });
    const first = sequence(selector, ready(5), 200, slow);
    const second = sequence(selector, [...ready(5), candidate("new")], 200, slow, first.now);
    expect(second.total.i0 ?? 0).toBeLessThan(4);
    expect(second.total.new).toBeGreaterThan(20);
  });
});

test("calls in flight are known from one update to the next, in whatever order and state it names the instances", () => {
  const selector = p2c({ random: seeded(1) });
  const half = (state: CandidateState) => ids(20).map((id, i) => candidate(id, i < 10 ? state : "ready"));
  const held: Pick[] = [];
  const sets = [ready(20), ready(20).reverse(), half("connecting"), half("suspect"), half("draining")];
  for (const set of [...sets, [candidate("new"), ...ready(20)], ready(20)]) {
    const picker = selector.update(set);
    // All are known to answer at once
    for (let i = 0; i < 300; i++) take(picker);
    for (let i = 0; i < 40; i++) held.push(picker.pick(request()) as Pick);
    for (const pick of held.splice(0, 10)) pick.done(0, 0, false, 0);
  }
  const inFlight = new Map(ids(20).map((id) => [id, 0]));
  const count = ({ candidate: { instance } }: Pick): void =>
    void inFlight.set(instance.id, (inFlight.get(instance.id) ?? 0) + 1);
  held.forEach(count);
  const picker = selector.update(ready(20));
  for (let calls = 0; calls < 600; calls++) count(picker.pick(request()) as Pick);
  inFlight.delete("new");
  const levels = [...inFlight.values()];
  expect(Math.max(...levels) - Math.min(...levels)).toBeLessThan(4);
});

test("a server that says that it is loaded gets less, though this client's own calls are answered as quickly; and gets its share back", () => {
  const picker = p2c({ random: seeded(1) }).update(ready(2));
  const share = (from: number, until: number, load: number): number => {
    let first = 0;
    for (let now = from; now < until; now += 10) {
      const pick = picker.pick(request(undefined, now)) as Pick;
      const isFirst = pick.candidate.instance.id === "i0";
      if (isFirst) first++;
      pick.done(now, now + 2, false, isFirst ? load : 0);
    }
    return first / ((until - from) / 10);
  };
  expect(share(0, 10_000, 0)).toBeGreaterThan(0.3);
  expect(share(10_000, 40_000, 30_000)).toBeLessThan(0.02);
  share(40_000, 45_000, 0);
  expect(share(45_000, 60_000, 0)).toBeGreaterThan(0.3);
});
