import { msgpack } from "@skein/codec";
import { DEFAULT_DECODE_LIMITS } from "@skein/core";

const codec = msgpack.create(DEFAULT_DECODE_LIMITS);
const ROOM_BYTES = 4096;
let room: Buffer | undefined = Buffer.allocUnsafeSlow(ROOM_BYTES);

/** A value as it looks on the wire, as its owner may change it later. Undefined: it has no form there. */
export function encoded(value: unknown): Uint8Array | undefined {
  if (value === undefined) return undefined;
  // A getter may encode another value meanwhile.
  const bytes = room ?? Buffer.allocUnsafeSlow(ROOM_BYTES);
  room = undefined;
  const writer = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), position: 0 };
  try {
    const tail = codec.encodeInto(value, writer);
    return Buffer.from(tail ?? bytes.subarray(0, writer.position));
  } catch {
    return undefined;
  } finally {
    room = bytes;
  }
}

export function decoded(bytes: Uint8Array): unknown {
  return codec.decode(bytes, 0, bytes.length);
}
