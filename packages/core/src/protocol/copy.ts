/** A copy of bytes[start, end). Not `bytes.slice()`: on Node's Buffers, which are Uint8Arrays, that is a view. */
export function copyBytes(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return Uint8Array.prototype.slice.call(bytes, start, end);
}
