import { findJsonFault } from "@skein/core/internal";
import { describe, expect, test } from "vitest";
import { readJson } from "./read-json.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("what is JSON is read", () => {
  test.each([
    '"ü\\u0041\\n"',
    " [1, -0.5e+3, true, null, {}] ",
    '{"a":{"b":[]}}',
    "0",
    '{"constructor":1,"prototype":2}',
  ])("%s", (text) => {
    expect(readJson(bytes(text))).toEqual(JSON.parse(text));
    expect(findJsonFault(text)).toBe(undefined);
  });
  test("__proto__ in a value is a text like any other", () =>
    expect(readJson(bytes('["__proto__"]'))).toEqual(["__proto__"]));
});

describe("what is not says where", () => {
  test.each([
    ["", 1, 1, "a value"],
    ["{", 1, 2, "a name in double quotes"],
    ["[1,]", 1, 4, "a value"],
    ['{"a":1,\n "b" 2}', 2, 6, '":"'],
    ["[1 2]", 1, 4, '"," or "]"'],
    ["01", 1, 1, "a value"],
    ['"a', 1, 3, "a closing quote"],
    ['"\\x"', 1, 2, 'an escape such as \\n, \\" or \\u0041'],
    ["nul", 1, 1, "a value"],
    ["1 2", 1, 3, "the end"],
    ["'a'", 1, 1, "a value"],
  ])("%j at line %i, column %i: %s", (text, line, column, expected) => {
    expect(() => JSON.parse(text)).toThrow();
    expect(() => readJson(bytes(text))).toThrow(
      `the body is no JSON: ${expected} expected at line ${line}, column ${column}`,
    );
  });

  test("lines are counted on from the one it begins in", () =>
    expect(() => readJson(bytes("x"), 7)).toThrow("line 7, column 1"));

  test("a fault deep in a long string costs no stack", () =>
    expect(findJsonFault(`"${"a".repeat(2_000_000)}`)?.expected).toBe("a closing quote"));

  test("cut anywhere, it is refused and never crashes", () => {
    const text = '{"a":[1,-2.5e3,"x\\u00e4\\"",{"b":null}],"c":true}';
    for (let at = 0; at < text.length; at++)
      expect(() => readJson(bytes(text.slice(0, at)))).toThrow(/expected at/);
  });
});
