import { expect, test } from "vitest";
import type { PeerInfo } from "../records.ts";
import { KnownEndpoints } from "./known-endpoints.ts";

const info = (id: string, ...names: readonly string[]): PeerInfo => ({
  id,
  metadata: {},
  endpoints: names.map((name) => ({ name, subject: `${id}.${name}`, idempotent: false })),
});
const fresh = (n: number): readonly string[] => Array.from({ length: 100 }, (_, i) => `e${n}x${i}`);

test("the name itself, else all but its first letter, else the only one in other capitals", () => {
  const known = new KnownEndpoints(undefined);
  known.learn(info("a", "Add", "add", "Sub", "sUB", "mUL", "v2_find"));
  const found = ["add", "Add", "sub", "SUB", "mul", "v2.find", "div"].map((name) => known.find(name)?.name);
  expect(found).toEqual(["add", "Add", "Sub", "sUB", "mUL", "v2_find", undefined]);
});

test("what strangers tell is kept up to a bound, whether by one or by many", () => {
  const names = Array.from({ length: 1000 }, (_, n) => fresh(n)).flat();
  for (const id of [() => "one", (n: number) => `i${n}`, (n: number) => `i${n % 100}`]) {
    const known = new KnownEndpoints(undefined);
    for (let n = 0; n < 1000; n++) {
      known.learn(info(id(n), ...fresh(n)));
      if (n % 250 === 0) known.counted();
    }
    expect(names.filter((name) => known.find(name) !== undefined).length).toBeLessThanOrEqual(1000);
    known.counted();
    known.learn(info("honest", "Sum"));
    expect(known.find("Sum")?.subject).toBe("honest.Sum");
    known.counted();
    expect(names.some((name) => known.find(name) !== undefined)).toBe(false);
  }
});

test("of so many instances no more is kept than of 100", () => {
  const known = new KnownEndpoints(undefined);
  for (let n = 0; n < 1000; n++) known.learn(info(`i${n}`, `e${n}`));
  const names = Array.from({ length: 1000 }, (_, n) => `e${n}`);
  expect(names.filter((name) => known.find(name) !== undefined)).toHaveLength(100);
});

test("an instance has what it told last, and nothing once a census ends without it; nobody is forgotten where nobody answers", () => {
  const known = new KnownEndpoints(undefined);
  const there = (): readonly string[] =>
    ["add", "sub", "mul"].filter((name) => known.find(name) !== undefined);
  known.learn(info("a", "add", "sub"));
  known.learn(info("b", "mul"));
  known.counted();
  known.learn(info("a", "add"));
  expect(there()).toEqual(["add", "mul"]);
  known.counted();
  expect(there()).toEqual(["add"]);
  known.counted();
  expect(there()).toEqual(["add"]);
});
