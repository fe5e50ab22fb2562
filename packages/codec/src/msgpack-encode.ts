import { CodecError, type Writer } from "@skein/core";
import { Packr } from "msgpackr";
import { findFault } from "./faults.ts";

const REUSE_BUFFER_MODE = 512;

/** Thrown from within msgpackr; findFault() then says where. */
class Unencodable extends Error {}
const refuse = (): never => {
  throw new Unencodable();
};

/** Where msgpackr was about to write when it came upon a function. */
let positionAtFunction = 0;
function positionThenRefuse(): never {
  positionAtFunction = packr.position;
  return refuse();
}

/** Set when something was packed as an extension: some of those no peer accepts. */
let extended = false;

/**
 * Plain maps, no state from one message to the next. `moreTypes`, because without it msgpackr sends uninitialised memory for typed arrays
 * other than Uint8Array; it is asked for only where an extension is written, and tells us so.
 */
function createPackr(): Packr & { position: number } {
  const packr = new Packr({ useRecords: false, variableMapSize: true });
  Object.defineProperties(packr, {
    moreTypes: {
      get: () => {
        extended = true;
        return true;
      },
    },
    setAsEmptyObject: { get: refuse },
    mapAsEmptyObject: { get: refuse },
    writeFunction: { value: positionThenRefuse },
    onInvalidDate: { value: refuse },
  });
  return packr as Packr & { position: number };
}
const packr = createPackr();

/**
 * msgpackr's target is one for the whole module, whoever uses it. After each value of ours it is parked here, full: the next to pack, a
 * user of msgpackr elsewhere in the process, takes memory of its own instead of writing into our batch buffer. And as long as the
 * position is still the one we left, nobody has packed since, or is packing now.
 */
const PARKED = Buffer.alloc(8192);
const PARKED_POSITION = 0x7fff_fff0;
let encoding = false;

interface Packed extends Uint8Array {
  readonly start: number;
  readonly end: number;
}

function park(): void {
  packr.useBuffer(PARKED);
  packr.position = PARKED_POSITION;
}

/** As Codec.encodeInto. */
export function encodeMsgpack(value: unknown, w: Writer): Uint8Array | undefined {
  if (encoding)
    throw new CodecError("msgpack: a value encodes another while it is encoded (in a getter or toJSON?)");
  encoding = true;
  extended = false;
  const start = w.position;
  try {
    const tail = isFree() ? packInto(value, w) : packApart(value, w);
    if (extended) refuseUnread(value);
    return tail;
  } catch (error) {
    w.position = start;
    throw error instanceof CodecError ? error : explain(error, value);
  } finally {
    encoding = false;
  }
}

/** A value that outgrows its buffer makes msgpackr take four times what it needs: such memory is kept for the next ones, up to so much. */
const MOST_SPARE = 16 * 1024 * 1024;
/** Values below this do not need it. */
const LARGE = 64 * 1024;
let spare: Buffer | undefined;
/** The last value was large: the next one likely is. */
let expectLarge = false;

function packInto(value: unknown, w: Writer): Uint8Array | undefined {
  const direct = !expectLarge || spare === undefined;
  const target = direct ? nodeBuffer(w.bytes) : (spare as Buffer);
  try {
    packr.useBuffer(target);
    packr.position = direct ? w.position : 0;
    const out = packr.pack(value, REUSE_BUFFER_MODE) as unknown as Packed & Buffer;
    const bytes = out.end - out.start;
    expectLarge = bytes >= LARGE;
    if (direct && out === target) {
      w.position = out.end;
      return undefined;
    }
    if (out.length <= MOST_SPARE) spare = out;
    return moved(out, out.start, out.end, w);
  } finally {
    park();
  }
}

/** Out of memory that is used again: into the writer where it fits, else into a buffer of its own. */
function moved(from: Buffer, start: number, end: number, w: Writer): Uint8Array | undefined {
  const bytes = end - start;
  if (bytes <= w.bytes.length - w.position) {
    from.copy(w.bytes, w.position, start, end);
    w.position += bytes;
    return undefined;
  }
  const own = Buffer.allocUnsafeSlow(bytes);
  from.copy(own, 0, start, end);
  return own;
}

/**
 * Nobody else is in the middle of packing. They have used msgpackr since we parked it: a value that is refused before anything is written
 * shows where it would have been written. In the middle of another value that is in memory of its own, at 0.
 */
function isFree(): boolean {
  const before = packr.position;
  if (before === PARKED_POSITION) return true;
  try {
    packr.pack(refuse);
  } catch {
    // As meant.
  }
  return before !== 0 && positionAtFunction === ((before + 7) & ~7);
}

/**
 * Somebody else may be in the middle of a value whose toJSON brought us here: their target must stay. Packed in memory of msgpackr's, then,
 * and copied. Their position is afterwards what it was only if they are in the middle; otherwise it is ours to park.
 */
function packApart(value: unknown, w: Writer): Uint8Array | undefined {
  const before = packr.position;
  try {
    const packed = packr.pack(value);
    if (packed.length > w.bytes.length - w.position) return Buffer.from(packed);
    w.bytes.set(packed, w.position);
    w.position += packed.length;
    return undefined;
  } finally {
    if (packr.position !== before) park();
  }
}

/** msgpackr writes with Buffer's methods. Transports on Node give Buffers; others are wrapped, the last one remembered. */
function nodeBuffer(bytes: Uint8Array): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes;
  if (wrapped?.of !== bytes)
    wrapped = { of: bytes, buffer: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
  return wrapped.buffer;
}
let wrapped: { readonly of: Uint8Array; readonly buffer: Buffer } | undefined;

const CARRIED_VIEWS: ReadonlySet<string> = new Set([
  "Buffer",
  "Int8Array",
  "Uint8Array",
  "Uint8ClampedArray",
  "Int16Array",
  "Uint16Array",
  "Int32Array",
  "Uint32Array",
  "Float32Array",
  "Float64Array",
  "BigInt64Array",
  "BigUint64Array",
]);

function refusal(value: unknown): string | undefined {
  if (typeof value === "function") return "a function";
  if (typeof value === "symbol") return "a symbol";
  if (typeof value === "bigint")
    return BigInt.asIntN(64, value) === value || BigInt.asUintN(64, value) === value
      ? undefined
      : "a bigint of more than 64 bits";
  if (typeof value !== "object" || value === null) return undefined;
  if (value instanceof Map) return "a Map: send Object.fromEntries(map), or an array of its entries";
  if (value instanceof Set) return "a Set: send an array";
  if (value instanceof Error) return "an Error: send its message, or throw it";
  if (value instanceof RegExp) return "a RegExp: send its source";
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "an invalid Date" : undefined;
  if (value instanceof ArrayBuffer || value instanceof DataView)
    return "memory without a type: send a Uint8Array of it";
  if (ArrayBuffer.isView(value) && !CARRIED_VIEWS.has(value.constructor.name))
    return `a ${value.constructor.name}: send a Uint8Array of it`;
  return undefined;
}

/** msgpackr has written it, but no peer reads it. */
function refuseUnread(value: unknown): void {
  const fault = findFault(value, refusal);
  if (fault !== undefined) throw new CodecError(`msgpack: ${fault}`);
}

function explain(error: unknown, value: unknown): CodecError {
  let fault: string | undefined;
  try {
    fault = findFault(value, refusal);
  } catch {
    // A getter or toJSON that throws has thrown already: that is the error.
  }
  const message = error instanceof Error ? error.message : String(error);
  return new CodecError(`msgpack: ${fault ?? message}`, { cause: error });
}
