import { expect, test } from "vitest";
import { counted, formatAge, formatMs, printable } from "./text.ts";

test("printable shows what would drive a terminal", () => {
  expect(printable("plain\n\tünï")).toBe("plain\n\tünï");
  expect(printable("\x1b[2Jgone\x07\r\x7f\x9b31m")).toBe("\\u001b[2Jgone\\u0007\\u000d\\u007f\\u009b31m");
  expect(printable("a\u202eb\u2028c")).toBe("a\\u202eb\\u2028c");
});

test("formatMs", () => {
  expect([0.0412, 0.41, 1.26, 12, 156.4, 999, 1000, 5000, 61_000].map(formatMs)).toEqual([
    "0.041 ms",
    "0.41 ms",
    "1.3 ms",
    "12 ms",
    "156 ms",
    "999 ms",
    "1 s",
    "5 s",
    "61 s",
  ]);
});

test("formatAge", () => {
  expect([-5, 0, 59_999, 60_000, 3_600_000, 86_400_000 * 3, Number.NaN].map(formatAge)).toEqual([
    "0s",
    "0s",
    "59s",
    "1m",
    "1h",
    "3d",
    "-",
  ]);
});

test("counted", () => {
  expect([0, 1, 1234].map((count) => counted(count, "call"))).toEqual(["0 calls", "1 call", "1,234 calls"]);
});
