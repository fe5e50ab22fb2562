import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Candidate, Picker, PickRequest, SelectorFactory } from "@skein/core";
import { describe, expect, test } from "vitest";
import { consistentHash } from "./consistent-hash.ts";
import { ejecting } from "./ejection.ts";
import { p2c } from "./p2c.ts";
import { preferZone } from "./prefer-zone.ts";
import { random } from "./random.ts";
import { resilient } from "./resilient.ts";
import { roundRobin } from "./round-robin.ts";
import { slowStart } from "./slow-start.ts";
import { splitVersions } from "./split-versions.ts";
import { candidate, ready, request, seeded, take } from "./test/candidates.ts";
import { weighted } from "./weighted.ts";

/** Of a client in a zone of which there is nobody. */
const inZone =
  (factory: SelectorFactory): SelectorFactory =>
  (options) =>
    factory({ ...options, zone: "here" });

const SELECTORS: readonly (readonly [string, SelectorFactory])[] = [
  ["p2c", p2c],
  ["roundRobin", roundRobin],
  ["random", random],
  ["consistentHash", consistentHash],
  ["weighted", weighted],
  ["slowStart(p2c)", slowStart(p2c)],
  ["resilient(p2c)", resilient(p2c)],
  ["preferZone(p2c)", inZone(preferZone(p2c))],
  ["splitVersions(p2c)", splitVersions({ "^1": 9, "^2": 1 }, p2c)],
  ["ejecting(p2c)", ejecting(p2c)],
];

describe.each(SELECTORS)("%s", (_, factory) => {
  const picker = (...all: Candidate[]): Picker => factory({ random: seeded(1) }).update(all);
  /** Everybody it ever picks. */
  const picked = (of: Picker, exclude?: readonly string[]): unknown[] =>
    [...new Set(Array.from({ length: 200 }, () => take(of, exclude)))].sort();

  test("nobody to pick: undefined", () => {
    expect(take(picker())).toBeUndefined();
    expect(take(picker(candidate("a", "draining")))).toBeUndefined();
    expect(take(picker(candidate("a", "ready", 0)))).toBeUndefined();
  });

  test("ready ones first; those that become ready when there are none; suspects when there is nobody else", () => {
    const all = [
      candidate("draining", "draining"),
      candidate("suspect", "suspect"),
      candidate("idle", "idle"),
      candidate("connecting", "connecting"),
      candidate("r1"),
      candidate("r2"),
    ];
    expect(picked(picker(...all))).toEqual(["r1", "r2"]);
    expect(picked(picker(...all.slice(0, 4)))).toEqual(["connecting", "idle"]);
    expect(picked(picker(...all.slice(0, 2)))).toEqual(["suspect"]);
    expect(picked(picker(...all.slice(0, 1)))).toEqual([undefined]);
  });

  test("those that were tried are left out, and the next tier is asked when all of one were", () => {
    const p = picker(
      candidate("a"),
      candidate("b"),
      candidate("c"),
      candidate("idle", "idle"),
      candidate("s", "suspect"),
    );
    expect(picked(p, ["b"])).toEqual(["a", "c"]);
    expect(picked(p, ["a", "b"])).toEqual(["c"]);
    expect(picked(p, ["a", "b", "c"])).toEqual(["idle"]);
    expect(picked(p, ["a", "b", "c", "idle"])).toEqual(["s"]);
    expect(picked(p, ["a", "b", "c", "idle", "s"])).toEqual([undefined]);
    expect(picked(picker(candidate("a")), ["a"])).toEqual([undefined]);
  });

  test("weight 0 gets nothing", () => {
    expect(picked(picker(candidate("a"), candidate("none", "ready", 0), candidate("b")))).toEqual(["a", "b"]);
  });

  test("a pick is the same object each time, and hands back the client's own candidate, the newest", () => {
    const selector = factory({ random: seeded(1) });
    const first = candidate("a");
    const before = selector.update([first]).pick(request());
    expect(before?.candidate).toBe(first);
    const second = candidate("a");
    const after = selector.update([second]).pick(request());
    expect(after).toBe(before);
    expect(after?.candidate).toBe(second);
  });

  test("done may come after updates that dropped the instance", () => {
    const selector = factory({ random: seeded(1) });
    const pick = selector.update([candidate("a")]).pick(request());
    selector.update([]);
    pick?.done(0, 5, true, 0);
    expect(take(selector.update([candidate("a")]))).toBe("a");
  });

  test("picks allocate nothing", () => {
    const gc = collector();
    const excluded = new Set(["i7", "i8"]);
    expect(bytesAPick(picker(...ready(100)), undefined, gc)).toBeLessThan(1);
    expect(bytesAPick(picker(...ready(100)), excluded, gc)).toBeLessThan(1);
    expect(bytesAPick(picker(...ready(100)), undefined, gc, "customer-1234")).toBeLessThan(1);
  });
});

test("the measure of allocation sees one small object a pick", () => {
  const good = random({ random: Math.random }).update(ready(100));
  const kept: object[] = [];
  const bad: Picker = {
    pick(call) {
      kept[call.now & 1023] = { now: call.now };
      return good.pick(call);
    },
  };
  expect(bytesAPick(bad, undefined, collector())).toBeGreaterThan(10);
});

function collector(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}

const PICKS = 10_000;
/** The least of several: what compiles meanwhile takes heap as well. Few enough that no collection falls between. */
function bytesAPick(
  picker: Picker,
  exclude: ReadonlySet<string> | undefined,
  gc: () => void,
  key?: string,
): number {
  const call: { -readonly [K in keyof PickRequest]: PickRequest[K] } = {
    method: "m",
    key,
    exclude,
    now: 1,
  };
  const run = (): void => {
    for (let i = 0; i < PICKS; i++) {
      call.now++;
      picker.pick(call)?.done(call.now, call.now + 2, false, 0);
    }
  };
  for (let i = 0; i < 30; i++) run();
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 8; i++) {
    gc();
    const before = process.memoryUsage().heapUsed;
    run();
    const used = process.memoryUsage().heapUsed - before;
    if (used >= 0) least = Math.min(least, used);
  }
  return least / PICKS;
}
