import { CodecError, type CodecFactory, DEFAULT_DECODE_LIMITS, type Writer } from "@skein/core";
import { Packr } from "msgpackr";
import { decodeMsgpack } from "./msgpack-decode.ts";

const REUSE_BUFFER_MODE = 512;

/**
 * Plain maps, no state from one message to the next. `moreTypes` because without it msgpackr sends uninitialised memory for typed arrays
 * other than Uint8Array.
 */
const packr = new Packr({ useRecords: false, moreTypes: true }) as Packr & { position: number };

/**
 * msgpackr's target is one for the whole module, whoever uses it. After each value it is parked here, full: the next one to pack,
 * a user of msgpackr in the same process perhaps, takes memory of its own instead of writing into our batch buffer.
 */
const PARKED = Buffer.alloc(8192);
let encoding = false;

interface Packed extends Uint8Array {
  readonly start: number;
  readonly end: number;
}

function encodeInto(value: unknown, w: Writer): Uint8Array | undefined {
  if (encoding)
    throw new CodecError(
      "msgpack: a value encodes another one while it is encoded itself (in a getter or toJSON?)",
    );
  encoding = true;
  try {
    packr.useBuffer(w.bytes as Buffer);
    packr.position = w.position;
    const out = packr.pack(value, REUSE_BUFFER_MODE) as unknown as Packed;
    if (out !== (w.bytes as unknown)) return out.subarray(out.start, out.end);
    w.position = out.end;
    return undefined;
  } catch (error) {
    throw new CodecError(`msgpack: ${explain(error)}`, { cause: error });
  } finally {
    packr.useBuffer(PARKED);
    packr.position = PARKED.length;
    encoding = false;
  }
}

function explain(error: unknown): string {
  if (error instanceof RangeError && /call stack/i.test(error.message))
    return "a value is nested too deep, or refers to itself";
  return error instanceof Error ? error.message : String(error);
}

/**
 * MessagePack: the default codec. Carries what structured data is made of: null, undefined, booleans, numbers, bigints of 64 bits, strings,
 * bytes (as Uint8Array), Dates, typed arrays, arrays, plain objects; Maps arrive as objects; class instances by their own properties or
 * `toJSON`. Sets, Errors, RegExps and functions do not travel.
 */
export const msgpack: CodecFactory = {
  contentType: "application/msgpack",
  create(limits = DEFAULT_DECODE_LIMITS) {
    return {
      contentType: "application/msgpack",
      encodeInto,
      decode: (bytes, start, end) => decodeMsgpack(bytes, start, end, limits),
    };
  },
};
