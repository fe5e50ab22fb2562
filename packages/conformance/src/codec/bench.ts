import { type Codec, CodecError, type CodecFactory, DEFAULT_DECODE_LIMITS, type Writer } from "@skein/core";
import { expect } from "vitest";

/** A writer into `size` bytes that hold `fill`, which stand within a larger buffer. */
export function writerOf(size: number, fill = 0, make: (n: number) => Uint8Array = plain): Writer {
  const bytes = make(size).fill(fill);
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), position: 0 };
}
const plain = (n: number): Uint8Array => new Uint8Array(new ArrayBuffer(n + 24), 16, n);

export function create(factory: CodecFactory): Codec {
  return factory.create(DEFAULT_DECODE_LIMITS);
}

const ROOM = 1 << 16;
/** The bytes that a value becomes, wherever they were put. */
export function encode(codec: Codec, value: unknown, w: Writer = writerOf(ROOM)): Uint8Array {
  const start = w.position;
  const apart = codec.encodeInto(value, w);
  // Copies: `slice` of a Buffer would be a view.
  if (apart === undefined) return new Uint8Array(w.bytes.subarray(start, w.position));
  expect(w.position, "a value returned in a buffer of its own leaves the position").toBe(start);
  return new Uint8Array(apart);
}

export function decode(codec: Codec, bytes: Uint8Array): unknown {
  return codec.decode(bytes, 0, bytes.length);
}

/** Throws a CodecError, and nothing else. */
export function expectRefused(what: string, run: () => unknown): void {
  let outcome: unknown;
  try {
    outcome = run();
  } catch (error) {
    expect(error, `${what}: the error`).toBeInstanceOf(CodecError);
    expect((error as Error).message.length, `${what}: a message`).toBeGreaterThan(5);
    return;
  }
  expect.unreachable(`${what}: not refused, but ${typeof outcome}`);
}
