import type { Candidate, Pick, Picker } from "@skein/core";
import { loggerTo } from "@skein/core/testing";
import { describe, expect, test } from "vitest";
import { type EjectionOptions, ejecting } from "./ejection.ts";
import { p2c } from "./p2c.ts";
import { roundRobin } from "./round-robin.ts";
import { candidate, ready, request, seeded } from "./test/candidates.ts";

/** Round-robin under guard, whose calls end at once as `fails` says; time passes as the test says. */
class Guard {
  readonly selector;
  picker: Picker;
  now = 0;
  total: Record<string, number> = {};
  fails: (id: string) => boolean | undefined = () => false;

  constructor(all: readonly Candidate[], options: EjectionOptions = {}, factory = roundRobin) {
    this.selector = ejecting(factory, options)({ random: seeded(1) });
    this.picker = this.selector.update(all);
  }

  pick(exclude?: readonly string[]): Pick {
    const pick = this.picker.pick(request(exclude, this.now));
    if (pick === undefined) throw new Error("nobody was picked");
    return pick;
  }

  one(exclude?: readonly string[]): string {
    const pick = this.pick(exclude);
    const { id } = pick.candidate.instance;
    this.total[id] = (this.total[id] ?? 0) + 1;
    pick.done(this.now, this.now, this.fails(id), 0);
    return id;
  }

  /** So many calls, `everyMs` apart; how often each was picked. */
  run(calls: number, everyMs = 1): Record<string, number> {
    this.total = {};
    for (let i = 0; i < calls; i++) {
      this.one();
      this.now += everyMs;
    }
    return this.total;
  }
}

const bad =
  (...ids: string[]) =>
  (id: string): boolean =>
    ids.includes(id);

describe("who fails is not asked any more", () => {
  test("after 5 failures in a row, and not after 4", () => {
    const guard = new Guard(ready(4));
    guard.fails = bad("i0");
    expect(guard.run(100).i0).toBe(5);
    // 80 % of the calls fail, but no window of so few says so
    const lenient = new Guard(ready(4), { minCalls: 1000 });
    let failures = 0;
    lenient.fails = (id) => id === "i0" && ++failures % 5 !== 0;
    expect(lenient.run(400).i0).toBe(100);
  });

  test("below 80 % of successes over 30 s, with at least 5 calls", () => {
    const guard = new Guard(ready(4));
    let calls = 0;
    guard.fails = (id) => id === "i0" && ++calls % 4 === 0;
    // 3 of 4 are good: the first failure comes with too few calls, the second counts 6 of 8
    expect(guard.run(200).i0).toBe(8);
    const better = new Guard(ready(4));
    let other = 0;
    better.fails = (id) => id === "i0" && ++other % 5 === 0;
    expect(better.run(800).i0).toBe(200);
  });

  test("failures that have left the window do not count", () => {
    const guard = new Guard(ready(2), { consecutive: 1000 });
    let calls = 0;
    // two bad ones of four, then none for longer than the window
    guard.fails = (id) => id === "i0" && ++calls <= 2;
    guard.run(8);
    guard.now += 31_000;
    guard.fails = bad();
    guard.run(8);
    guard.fails = bad("i0");
    expect(guard.run(2).i0).toBe(1);
    // 4 of 5 is not less than 80 %
    guard.fails = bad();
    expect(guard.run(20).i0).toBe(10);
  });

  test("what says nothing of the instance does not count, and neither do users' errors", () => {
    const guard = new Guard(ready(2));
    guard.fails = (id) => (id === "i0" ? undefined : false);
    expect(guard.run(100).i0).toBe(50);
    guard.fails = () => false;
    expect(guard.run(100).i0).toBe(50);
  });

  test("it is asked as a last resort: when all others were tried", () => {
    const guard = new Guard(ready(3));
    guard.fails = bad("i0");
    guard.run(30);
    expect(guard.one(["i1", "i2"])).toBe("i0");
  });
});

describe("who was ejected", () => {
  /** When i0 was called, from its ejection on, ms since then. */
  function probes(until: number, fails: (id: string) => boolean | undefined): number[] {
    const guard = new Guard(ready(3));
    guard.fails = bad("i0");
    while ((guard.total.i0 ?? 0) < 5) guard.one();
    guard.fails = fails;
    const at: number[] = [];
    for (; guard.now < until; guard.now++) if (guard.one() === "i0") at.push(guard.now);
    return at;
  }

  test("gets one call after 0.5 to 1 s, then after twice as long each time, up to 30 s", () => {
    const at = probes(200_000, bad("i0"));
    const gaps = at.map((ms, i) => ms - (at[i - 1] ?? 0));
    expect(gaps.length).toBeGreaterThan(8);
    gaps.forEach((gap, i) => {
      const most = Math.min(30_000, 1000 * 2 ** i);
      expect(gap).toBeGreaterThanOrEqual(most / 2);
      expect(gap).toBeLessThanOrEqual(most + 1);
    });
  });

  test("waits for different times in different clients", () => {
    const first = (seed: number): number => {
      const selector = ejecting(roundRobin)({ random: seeded(seed) });
      const picker = selector.update(ready(2));
      for (let now = 0, bad = 0; ; now++) {
        const pick = picker.pick(request(undefined, now)) as Pick;
        const isBad = pick.candidate.instance.id === "i0";
        if (isBad && ++bad === 6) return now;
        pick.done(now, now, isBad, 0);
      }
    };
    expect(new Set([1, 2, 3, 4, 5].map(first)).size).toBeGreaterThan(3);
  });

  test("comes back when that call succeeds, with its full share", () => {
    const at = probes(4000, () => false);
    expect(at[0]).toBeLessThanOrEqual(1000);
    expect(at.length).toBeGreaterThan(900);
  });

  test("gets no second call while the first is on its way, and is asked again after 30 s if that never ends", () => {
    const guard = new Guard(ready(3));
    guard.fails = bad("i0");
    guard.run(100);
    guard.now = 2000;
    const probe = guard.pick();
    expect(probe.candidate.instance.id).toBe("i0");
    expect(guard.run(27_000).i0).toBeUndefined();
    guard.fails = bad();
    expect(guard.run(10_000).i0).toBeGreaterThan(1000);
  });

  test("is tried again at once when its call was given up", () => {
    const guard = new Guard(ready(3));
    guard.fails = bad("i0");
    guard.run(100);
    guard.now = 2000;
    guard.fails = () => undefined;
    expect([guard.one(), guard.one()]).toEqual(["i0", "i0"]);
  });

  test("is not judged by calls that began before it came back", () => {
    const guard = new Guard(ready(2));
    const old = Array.from({ length: 40 }, () => guard.pick()).filter(
      (p) => p.candidate.instance.id === "i0",
    );
    guard.fails = bad("i0");
    guard.run(20);
    guard.fails = bad();
    guard.now = 2000;
    guard.run(10);
    for (const pick of old) pick.done(0, guard.now, true, 0);
    expect(guard.run(10).i0).toBe(5);
  });

  test("begins with a second again after 30 s of health", () => {
    const guard = new Guard(ready(2));
    const outFor = (): number => {
      guard.fails = bad("i0");
      guard.run(20, 0);
      guard.fails = bad();
      const from = guard.now;
      for (; guard.one() !== "i0"; guard.now++);
      return guard.now - from;
    };
    outFor();
    expect(outFor()).toBeGreaterThan(999);
    guard.run(100, 400);
    expect(outFor()).toBeLessThanOrEqual(1000);
  });

  test("is remembered while it is not there, as when its connection breaks", () => {
    const guard = new Guard(ready(3));
    guard.fails = bad("i0");
    guard.run(20, 0);
    guard.picker = guard.selector.update(ready(3).slice(1));
    guard.run(20, 0);
    guard.picker = guard.selector.update(ready(3));
    expect(guard.run(20, 0).i0).toBeUndefined();
  });
});

describe("at least half are available", () => {
  test.each([
    [1, 0],
    [2, 1],
    [3, 1],
    [5, 2],
    [10, 5],
  ])("of %i of which all but one fail, %i are ejected", (n, out) => {
    const guard = new Guard(ready(n));
    guard.fails = (id) => id !== "i0";
    guard.run(n * 20, 0);
    expect(Object.keys(guard.run(n * 20, 0)).length).toBe(n - out);
  });

  test("when all of them fail it is nobody's fault: nobody is out, for 10 s", () => {
    const guard = new Guard(ready(10));
    guard.fails = () => true;
    const asked: number[] = [];
    for (let second = 0; second < 12; second++) {
      asked.push(Object.keys(guard.run(100, 0)).length);
      guard.now += 1000;
    }
    expect(asked.slice(1, 10)).toEqual(Array.from({ length: 9 }, () => 10));
    // And then it is looked at anew: the one that is left failing is ejected
    guard.now += 10_000;
    guard.fails = bad("i3");
    guard.run(100, 0);
    expect(guard.run(100, 0).i3).toBeUndefined();
  });

  test("overload of all of them leaves the calls spread over all of them", () => {
    const guard = new Guard(ready(10));
    const random = seeded(9);
    guard.fails = () => random() < 0.67;
    guard.run(1000, 0.1);
    const total = guard.run(10_000, 1);
    for (const c of ready(10)) expect(total[c.instance.id]).toBeGreaterThan(800);
  });

  test("those who do not answer count as not available; with fewer than half left nobody is ejected, until they answer", () => {
    const guard = new Guard(ready(6));
    guard.fails = bad("i0", "i1");
    guard.run(60, 0);
    expect(Object.keys(guard.run(60, 0)).sort()).toEqual(["i2", "i3", "i4", "i5"]);
    const suspects = ready(6).map((c, i) => (i > 3 ? candidate(`i${i}`, "suspect") : c));
    guard.picker = guard.selector.update(suspects);
    expect(Object.keys(guard.run(60, 0)).sort()).toEqual(["i0", "i1", "i2", "i3"]);
    guard.picker = guard.selector.update(ready(6));
    expect(Object.keys(guard.run(60, 0)).sort()).toEqual(["i2", "i3", "i4", "i5"]);
  });

  test("those who are not connected do not count", () => {
    const idle = Array.from({ length: 50 }, (_, i) => candidate(`idle${i}`, "idle"));
    const guard = new Guard([...ready(4), ...idle]);
    guard.fails = (id) => id !== "i0";
    guard.run(200, 0);
    expect(Object.keys(guard.run(200, 0)).length).toBe(2);
  });
});

test("many that fail among 10,000 cost few rebuildings", () => {
  let updates = 0;
  const counting: typeof p2c = (options) => {
    const selector = p2c(options);
    return {
      update(all) {
        updates++;
        return selector.update(all);
      },
    };
  };
  const guard = new Guard(ready(10_000), { consecutive: 1 }, counting);
  guard.fails = (id) => Number(id.slice(1)) % 3 === 0;
  guard.run(20_000, 0.1);
  // 2 s at most one in 100 ms
  expect(updates).toBeGreaterThan(5);
  expect(updates).toBeLessThan(25);
});

test("says whom it ejects and who comes back", () => {
  const lines: unknown[] = [];
  const selector = ejecting(roundRobin)({
    random: () => 0.5,
    logger: loggerTo((level, message, fields) => void lines.push([level, fields, message])),
  });
  const picker = selector.update(ready(2));
  for (let now = 0; now < 2000; now++) {
    const pick = picker.pick(request(undefined, now)) as Pick;
    pick.done(now, now, pick.candidate.instance.id === "i0" && now < 100, 0);
  }
  expect(lines).toEqual([
    ["warn", { instance: "i0", forMs: 750 }, "instance is not asked: its calls fail"],
    ["info", { instance: "i0" }, "instance is asked again"],
  ]);
});
