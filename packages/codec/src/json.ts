import {
  CodecError,
  type CodecFactory,
  DEFAULT_DECODE_LIMITS,
  type DecodeLimits,
  type Writer,
} from "@skein/core";

function encodeInto(value: unknown, w: Writer): Uint8Array | undefined {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new CodecError(`json: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  if (text === undefined) throw new CodecError(`json: a ${typeof value} has no form in JSON`);
  if (text.length * 3 > w.bytes.length - w.position) return Buffer.from(text);
  const { buffer, byteOffset, byteLength } = w.bytes;
  w.position += Buffer.from(buffer, byteOffset, byteLength).write(text, w.position);
  return undefined;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;

/** Depth and values are counted on the bytes, before anything is made of them. */
function scan(bytes: Uint8Array, start: number, end: number, limits: DecodeLimits): void {
  let depth = 0;
  let values = 1;
  for (let p = start; p < end; p++) {
    const c = bytes[p] as number;
    if (c === QUOTE) {
      for (p++; p < end && bytes[p] !== QUOTE; p++) if (bytes[p] === BACKSLASH) p++;
    } else if (c === 0x5b || c === 0x7b) {
      values++;
      if (++depth > limits.maxDepth) throw new CodecError(`json: nested deeper than ${limits.maxDepth}`);
    } else if (c === 0x5d || c === 0x7d) depth--;
    else if (c === COMMA) values++;
    if (values > limits.maxValues) throw new CodecError(`json: more than ${limits.maxValues} values`);
  }
}

function decode(bytes: Uint8Array, start: number, end: number, limits: DecodeLimits): unknown {
  scan(bytes, start, end, limits);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("utf8");
  try {
    // Written out or escaped: only then does every key have to be looked at.
    return /__proto__|\\u005[fF]/.test(text) ? JSON.parse(text, refuseProto) : JSON.parse(text);
  } catch (cause) {
    if (cause instanceof CodecError) throw cause;
    throw new CodecError(`json: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

function refuseProto(key: string, value: unknown): unknown {
  if (key === "__proto__") throw new CodecError('json: the key "__proto__" is refused');
  return value;
}

/** JSON, for peers without MessagePack and for captures that people read. Dates arrive as strings, bytes not at all as bytes. */
export const json: CodecFactory = {
  contentType: "application/json",
  create(limits = DEFAULT_DECODE_LIMITS) {
    return {
      contentType: "application/json",
      encodeInto,
      decode: (bytes, start, end) => decode(bytes, start, end, limits),
    };
  },
};
