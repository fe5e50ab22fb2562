import { expect, test } from "vitest";
import { TokenBucket } from "./token-bucket.ts";

test("a burst at once, then the rate; who comes too early is told when to come again", () => {
  const bucket = new TokenBucket(100, 3, 1000);
  const takes = (now: number): (number | undefined)[] => [0, 0, 0, 0].map(() => bucket.take(now));
  expect(takes(1000)).toEqual([undefined, undefined, undefined, 10]);
  expect(bucket.take(1004)).toBe(6);
  expect(bucket.take(1010)).toBeUndefined();
  expect(bucket.take(1010)).toBe(10);
  expect(takes(60_000)).toEqual([undefined, undefined, undefined, 10]);
});

test("over a long time the rate holds, asked however often", () => {
  const bucket = new TokenBucket(7, 1, 0);
  let taken = 0;
  for (let now = 0; now < 100_000; now += 3) if (bucket.take(now) === undefined) taken++;
  expect(taken).toBeGreaterThan(690);
  expect(taken).toBeLessThanOrEqual(701);
});
