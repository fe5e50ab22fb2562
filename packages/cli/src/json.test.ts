import fc from "fast-check";
import { findJsonFault } from "skein/internal";
import { describe, expect, test } from "vitest";
import { parseJson, toJson } from "./json.ts";

describe("bad JSON says where", () => {
  test.each([
    ["{id:42}", "{id:42}\n   ^\n", "a name in double quotes is expected at column 2"],
    ['{"id":42', '{"id":42\n          ^', '"," or "}" is expected at column 9'],
    ['{"id" 42}', "        ^", '":" is expected at column 7'],
    ['{"id":}', "        ^", "a value is expected at column 7"],
    ["[1,]", "     ^", "a value is expected at column 4"],
    ['{"a":1,}', "         ^", "a name in double quotes is expected at column 8"],
    ["[1 2]", "     ^", '"," or "]" is expected at column 4'],
    ['"abc', "      ^", "a closing quote is expected at column 5"],
    ['"a\\qb"', "    ^", 'an escape such as \\n, \\" or \\u0041 is expected at column 3'],
    ["01", "  ^", "a value is expected at column 1"],
    ["nul", "  ^", "a value is expected at column 1"],
    ["1 2", "    ^", "the end is expected at column 3"],
    ["", "empty", "it is empty"],
    ["'x'", "\n  'x'\n  ^", "a value is expected at column 1"],
    [
      '{\n  "a": 1,\n  b: 2\n}',
      "\n    b: 2\n    ^",
      "a name in double quotes is expected at line 3, column 3",
    ],
  ])("%j", (text, shown, message) => {
    const attempt = () => parseJson(text, "the input");
    expect(attempt).toThrow(`the input is not JSON: ${message}`);
    expect(attempt).toThrow(shown.trimEnd());
    expect(attempt).toThrow(expect.objectContaining({ exitCode: 2 }));
  });

  test("asks after quotes that the shell took", () => {
    expect(() => parseJson("{id:42}", "x")).toThrow("did the shell take the quotes?");
    expect(() => parseJson('{"id":42', "x")).not.toThrow("did the shell take the quotes?");
  });

  test("a long line is shown around the fault", () => {
    const text = `[${'"aaaaaaaa",'.repeat(50)}!${',"b"'.repeat(50)}]`;
    expect(() => parseJson(text, "x")).toThrow(/column 552\n {2}.{50}\n {2} {30}\^$/);
  });
});

test("findJsonFault agrees with JSON.parse on what is JSON", () => {
  const mutated = fc
    .tuple(
      fc.json(),
      fc.nat(),
      fc.constantFrom("", "{", "}", "[", "]", ",", '"', "0", "-", "\\", "\n", "e", " "),
    )
    .map(
      ([text, at, put]) =>
        text.slice(0, at % (text.length + 1)) + put + text.slice((at % (text.length + 1)) + 1),
    );
  fc.assert(
    fc.property(fc.oneof(fc.json(), mutated), (text) => {
      let parses = true;
      try {
        JSON.parse(text);
      } catch {
        parses = false;
      }
      const fault = findJsonFault(text);
      expect(fault === undefined, text).toBe(parses);
      if (fault !== undefined) expect(fault.offset).toBeLessThanOrEqual(text.length);
    }),
    { numRuns: 2000 },
  );
});

test("toJson tells what JSON has no form for", () => {
  expect(
    toJson({ big: 2n ** 60n, small: 7n, bytes: new Uint8Array([1, 2, 255]), buffer: Buffer.from("hi") }),
  ).toBe('{"big":"1152921504606846976","small":7,"bytes":"AQL/","buffer":"aGk="}');
  expect(toJson({ map: new Map([["a", 1]]), set: new Set([1]), date: new Date(0) })).toBe(
    '{"map":{"a":1},"set":[1],"date":"1970-01-01T00:00:00.000Z"}',
  );
  expect(toJson(undefined)).toBe("null");
});
