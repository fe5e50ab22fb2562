import { expect, test } from "vitest";
import { writeJson } from "./write-json.ts";

test.each<[string, unknown, string]>([
  ["plain", { a: [1, "x", null, undefined, true], b: undefined }, '{"a":[1,"x",null,null,true]}'],
  ["nothing", undefined, "null"],
  ["bytes", new Uint8Array([1, 2, 3]), '"AQID"'],
  ["a part of bytes", { b: new Uint8Array([0, 1, 2, 3]).subarray(1, 3) }, '{"b":"AQI="}'],
  ["a Buffer", [Buffer.from("hi")], '["aGk="]'],
  ["an ArrayBuffer", new Uint8Array([255]).buffer, '"/w=="'],
  ["a bigint", { n: 2n ** 64n }, '{"n":"18446744073709551616"}'],
  ["a Date beside bytes", [new Date(0), new Uint8Array()], '["1970-01-01T00:00:00.000Z",""]'],
  ["a Map", new Map([["a", new Set([1n])]]), '[["a",["1"]]]'],
  ["numbers that JSON lacks", [Number.NaN, Number.POSITIVE_INFINITY, -0], "[null,null,0]"],
])("%s", (_, value, text) => expect(writeJson(value)).toBe(text));
