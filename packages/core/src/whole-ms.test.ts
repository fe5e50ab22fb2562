import { expect, test } from "vitest";
import { wholeMs } from "./whole-ms.ts";

test("what is left is rounded up, and what floating point adds does not count", () => {
  expect([-5, 0, 0.2, 1, 1.5, 2000.2].map(wholeMs)).toEqual([1, 1, 1, 1, 2, 2001]);
  const now = 4_192_447.804_972;
  expect(now + 2000 - now).toBeGreaterThan(2000);
  expect(wholeMs(now + 2000 - now)).toBe(2000);
});
