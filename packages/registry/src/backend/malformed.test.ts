import { silentLogger } from "@skein/core";
import { expect, test } from "vitest";
import { Malformed } from "./malformed.ts";

test("each is said once, counted as long as it is there, and said again when it comes back", () => {
  const said: object[] = [];
  const malformed = new Malformed({ ...silentLogger, warn: (fields) => void said.push(fields) });
  const look = (...keys: string[]): void => malformed.seen(new Map(keys.map((key) => [key, "torn"])));
  expect(malformed.count).toBe(0);
  look("a", "b");
  look("a", "b");
  expect([malformed.count, said]).toEqual([
    2,
    [
      { key: "a", why: "torn" },
      { key: "b", why: "torn" },
    ],
  ]);
  look("b");
  expect(malformed.count).toBe(1);
  look("a", "b");
  expect([malformed.count, said.length]).toEqual([2, 3]);
  look();
  expect(malformed.count).toBe(0);
});

test("a look at some keys leaves the others", () => {
  const malformed = new Malformed(silentLogger);
  const of = (prefix: string) => (key: string) => key.startsWith(prefix);
  malformed.seen(new Map([["user/1", "torn"]]), of("user/"));
  malformed.seen(new Map([["order/1", "torn"]]), of("order/"));
  expect(malformed.count).toBe(2);
  malformed.seen(new Map(), of("user/"));
  expect(malformed.count).toBe(1);
});
