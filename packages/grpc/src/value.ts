import { ProtoWriter, protoFields } from "./wire.ts";

/** google.protobuf.Value: any JSON value as protobuf, which every gRPC tool knows how to write. */
const MOST_DEPTH = 64;

/** A value, reduced to what JSON can say, as a google.protobuf.Value. */
export function encodeValue(value: unknown): Buffer {
  const json = writeJson(value);
  return encode(JSON.parse(json));
}

function encode(value: unknown): Buffer {
  const writer = new ProtoWriter();
  if (value === null) return writer.number(1, 0).finish();
  if (typeof value === "number") return writer.double(2, value).finish();
  if (typeof value === "string") return writer.bytes(3, value).finish();
  if (typeof value === "boolean") return writer.number(4, value ? 1 : 0).finish();
  if (Array.isArray(value)) {
    const list = new ProtoWriter();
    for (const item of value) list.bytes(1, encode(item));
    return writer.bytes(6, list.finish()).finish();
  }
  const struct = new ProtoWriter();
  for (const [key, member] of Object.entries(value as object))
    struct.bytes(1, new ProtoWriter().bytes(1, key).bytes(2, encode(member)).finish());
  return writer.bytes(5, struct.finish()).finish();
}

/**
 * What a google.protobuf.Value says; undefined for one that says nothing.
 * @throws RangeError where the bytes are none
 */
export function decodeValue(bytes: Uint8Array, start = 0, end = bytes.length, depth = 0): unknown {
  if (depth > MOST_DEPTH) throw new RangeError(`it is nested deeper than ${MOST_DEPTH}`);
  let value: unknown;
  for (const part of protoFields(bytes, start, end)) {
    if (part.field > 6 || part.wire !== WIRES[part.field])
      throw new RangeError("it is no google.protobuf.Value");
    if (part.field === 1) value = null;
    else if (part.field === 2)
      value = new DataView(bytes.buffer, bytes.byteOffset + part.start, 8).getFloat64(0, true);
    else if (part.field === 3) value = textOf(bytes, part.start, part.end);
    else if (part.field === 4) value = part.value !== 0;
    else if (part.field === 5) value = decodeStruct(bytes, part.start, part.end, depth);
    else value = decodeList(bytes, part.start, part.end, depth);
  }
  return value;
}

/** Of the fields of Value, by number. */
const WIRES = [-1, 0, 1, 2, 0, 2, 2];

function decodeStruct(bytes: Uint8Array, start: number, end: number, depth: number): unknown {
  const members: [string, unknown][] = [];
  for (const entry of protoFields(bytes, start, end)) {
    let key = "";
    let value: unknown = null;
    for (const part of protoFields(bytes, entry.start, entry.end)) {
      if (part.field === 1) key = textOf(bytes, part.start, part.end);
      else value = decodeValue(bytes, part.start, part.end, depth + 1) ?? null;
    }
    members.push([key, value]);
  }
  return Object.fromEntries(members);
}

function decodeList(bytes: Uint8Array, start: number, end: number, depth: number): unknown {
  const items: unknown[] = [];
  for (const part of protoFields(bytes, start, end))
    items.push(decodeValue(bytes, part.start, part.end, depth + 1) ?? null);
  return items;
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString();
}

/** As JSON: bytes are base64, a bigint its digits, a Map pairs, a Set an array; what JSON cannot say is null. */
export function writeJson(value: unknown): string {
  return (JSON.stringify(value, convert) as string | undefined) ?? "null";
}

/** `this` has the member as it was: a Buffer has a toJSON of its own. */
function convert(this: unknown, key: string, json: unknown): unknown {
  if (typeof json === "bigint") return json.toString();
  if (typeof json !== "object" || json === null) return json;
  const value = (this as Record<string, unknown>)[key];
  if (ArrayBuffer.isView(value))
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
  if (value instanceof Map || value instanceof Set) return [...value];
  return json;
}
