import { type CodecFactory, DEFAULT_DECODE_LIMITS } from "@skein/core";
import { decodeMsgpack } from "./msgpack-decode.ts";
import { encodeMsgpack } from "./msgpack-encode.ts";

/**
 * MessagePack: the default codec. What comes out is what went in, of the same type: null, undefined (members too), booleans, numbers
 * (-0 arrives as 0), bigints of 64 bits, strings (a lone surrogate arrives as U+FFFD), bytes (a Buffer arrives as a Uint8Array), the other
 * typed arrays, Dates, arrays, plain objects. Class instances arrive as plain objects of their own members, or as what `toJSON` gives.
 * Maps, Sets, Errors, RegExps, functions, symbols, larger bigints and invalid Dates are refused with a CodecError that names the member.
 * Decoding refuses what is none of these, and the key `__proto__`.
 */
export const msgpack: CodecFactory = {
  contentType: "application/msgpack",
  create(limits = DEFAULT_DECODE_LIMITS) {
    return {
      contentType: "application/msgpack",
      encodeInto: encodeMsgpack,
      decode: (bytes, start, end) => decodeMsgpack(bytes, start, end, limits),
    };
  },
};
