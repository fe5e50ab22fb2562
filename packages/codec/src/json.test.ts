import { CodecError, DEFAULT_DECODE_LIMITS } from "@skein/core";
import { describe, expect, test } from "vitest";
import { json } from "./json.ts";

const codec = json.create(DEFAULT_DECODE_LIMITS);
const decode = (text: string): unknown => {
  const bytes = new TextEncoder().encode(text);
  return codec.decode(bytes, 0, bytes.length);
};
function encode(value: unknown, bytes: Uint8Array = Buffer.alloc(8192)): string {
  const w = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), position: 8 };
  const tail = codec.encodeInto(value, w);
  return Buffer.from(tail ?? w.bytes.subarray(8, w.position)).toString();
}

describe("the key __proto__ is refused however it is written", () => {
  const letters = [..."__proto__"];
  const escaped = (i: number, upper: boolean): string => {
    const code = (letters[i] as string).charCodeAt(0).toString(16).padStart(4, "0");
    return letters.map((c, at) => (at === i ? `\\u${upper ? code.toUpperCase() : code}` : c)).join("");
  };
  const forms = ["__proto__", ...letters.flatMap((_, i) => [escaped(i, false), escaped(i, true)])];
  test.each(forms)("%s", (key) => {
    expect(JSON.parse(`{"${key}":1}`), "it is that key").toHaveProperty(["__proto__"]);
    expect(() => decode(`[{"a":{"${key}":{"polluted":1}}}]`)).toThrow(
      new CodecError('json: the key "__proto__" is refused'),
    );
  });
  test("as a value it is text", () => {
    expect(decode('{"a":"__proto__","b":"\\u005f_proto__"}')).toStrictEqual({
      a: "__proto__",
      b: "__proto__",
    });
  });
});

test.each<[string, RegExp]>([
  ["", /^json: Unexpected end/],
  ["{", /^json: /],
  ["[1,]", /^json: /],
  ["nul", /^json: /],
  ["1 2", /^json: /],
  ["]]]]", /^json: /],
  ['"abc', /^json: /],
])("%s is refused", (text, message) => {
  expect(() => decode(text)).toThrow(message);
  expect(() => decode(text)).toThrow(CodecError);
});

describe("what JSON would turn into something else is named", () => {
  test.each<[unknown, string]>([
    [{ raw: new Uint8Array(3) }, "raw is bytes: JSON has none, use MessagePack or a string in base64"],
    [{ raw: Buffer.of(1) }, "raw is bytes: JSON has none, use MessagePack or a string in base64"],
    [{ a: [1, Number.NaN] }, "a[1] is NaN: JSON has no form for it"],
    [{ a: 5n }, "a is a bigint: JSON has none"],
    [new Map(), "the value is a Map: JSON has no form for it"],
    [{ a: new Set() }, "a is a Set: JSON has no form for it"],
    [{ f: () => 1 }, "f is a function"],
    [undefined, "the value has no form in JSON"],
  ])("%o", (value, message) => {
    expect(() => encode(value)).toThrow(new CodecError(`json: ${message}`));
  });
});

test("dates are text, undefined members are left out", () => {
  expect(encode({ at: new Date(0), gone: undefined })).toBe('{"at":"1970-01-01T00:00:00.000Z"}');
});

test("the same in a Buffer and in plain bytes, apart when it might not fit", () => {
  const value = { text: "é🐦".repeat(100) };
  expect(encode(value)).toBe(encode(value, new Uint8Array(8192)));
  expect(encode({ text: "é".repeat(3000) })).toBe(JSON.stringify({ text: "é".repeat(3000) }));
});
