import { expect, test } from "vitest";
import { hasProtoKey, jsonExcess } from "./json-bounds.ts";

const excess = (json: string, maxDepth = 3, maxValues = 5): string | undefined => {
  const bytes = new TextEncoder().encode(`[${json}[`);
  return jsonExcess(bytes, 1, bytes.length - 1, { maxDepth, maxValues });
};

test("depth and values are counted, but not in strings", () => {
  expect(excess("[[[1]]]")).toBeUndefined();
  expect(excess("[[[[1]]]]")).toBe("nested deeper than 3");
  expect(excess('["[[[[[[", "\\"[[[[,,,,,"]')).toBeUndefined();
  expect(excess("[1,2,3,4]")).toBeUndefined();
  expect(excess("[1,2,3,4,5]")).toBe("more than 5 values");
  expect(excess("[".repeat(100_000), 100_001, 1000)).toBe("more than 1000 values");
});

test("the key __proto__ is found however it is written", () => {
  const has = (json: string): boolean => hasProtoKey(json, JSON.parse(json));
  expect(has('{"a":[{"__proto__":1}]}')).toBe(true);
  expect(has('{"\\u005f_proto__":1}')).toBe(true);
  expect(has('{"a":"__proto__"}')).toBe(false);
  expect(has('{"proto":1}')).toBe(false);
});
