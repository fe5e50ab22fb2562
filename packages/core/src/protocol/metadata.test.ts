import fc from "fast-check";
import { expect, test } from "vitest";
import { Frame } from "./frame.ts";
import { decodeMetadata, encodeMetadata, MAX_METADATA_BYTES } from "./metadata.ts";

test("what was encoded is decoded, keys in lower case, without a prototype", () => {
  const key = fc
    .string({ minLength: 1, maxLength: 30 })
    .filter((k) => k.toLowerCase() !== "__proto__" && k !== "traceparent");
  fc.assert(
    fc.property(fc.dictionary(key, fc.string({ maxLength: 60, unit: "binary" })), (metadata) => {
      const encoded = encodeMetadata(metadata);
      const expected: Record<string, string> = {};
      for (const k of Object.keys(metadata))
        expected[new TextDecoder().decode(new TextEncoder().encode(k.toLowerCase()))] =
          new TextDecoder().decode(new TextEncoder().encode(metadata[k]));
      if (encoded === undefined) {
        expect(expected).toEqual({});
        return;
      }
      expect(encoded.bytes.length % 8).toBe(0);
      const decoded = decodeMetadata(encoded.bytes, encoded.flags);
      expect(Object.getPrototypeOf(decoded)).toBeNull();
      expect({ ...decoded }).toEqual(expected);
    }),
  );
});

test("__proto__ as a key does no harm", () => {
  const encoded = encodeMetadata(JSON.parse('{"__proto__":"polluted","constructor":"x"}'));
  const decoded = decodeMetadata(encoded?.bytes as Uint8Array, encoded?.flags as number);
  expect(Object.keys(decoded)).toEqual(["__proto__", "constructor"]);
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
});

test("a traceparent that is none travels as text", () => {
  const encoded = encodeMetadata({ traceparent: "odd" });
  expect({ ...decodeMetadata(encoded?.bytes as Uint8Array, encoded?.flags as number) }).toEqual({
    traceparent: "odd",
  });
});

test.each([
  [{ a: 1 }, 'metadata "a" is a number: give a string'],
  [{ a: null }, 'metadata "a" is null: give a string'],
  [{ "": "x" }, 'metadata key "" must have 1 to 255 bytes'],
  [
    { big: "x".repeat(MAX_METADATA_BYTES) },
    `metadata is over ${MAX_METADATA_BYTES} bytes at "big": send large values as input`,
  ],
])("refused: %j", (metadata, message) => {
  expect(() => encodeMetadata(metadata as unknown as Record<string, string>)).toThrow(new TypeError(message));
});

test("hostile sections end in a ProtocolError, never past their end", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 2, maxLength: 64 }), (bytes) => {
      const whole = new Uint8Array(((bytes[0] as number) | ((bytes[1] as number) << 8)) + 16);
      whole.set(bytes.subarray(0, whole.length));
      try {
        decodeMetadata(whole, 8);
      } catch (error) {
        expect((error as Error).name).toBe("ProtocolError");
      }
    }),
  );
  expect(new Frame().bytes.length).toBe(0);
});
