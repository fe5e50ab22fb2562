import { type Codec, type CodecFactory, DEFAULT_DECODE_LIMITS, type Writer } from "@skein/core";
import { Packr, REUSE_BUFFER_MODE } from "msgpackr";
import { getUser } from "../load/service.ts";
import type { MicroCase } from "./measure.ts";

const BUFFER_BYTES = 64 * 1024;

/** What calls carry: a request, a reply of about 120 bytes, one of 10 KB. */
export const messages = {
  request: { id: "u3-1234", kind: "small" },
  "120 B": getUser({ id: "u3-1234", kind: "small" }),
  "10 KB": getUser({ id: "u3-1234", kind: "10k" }),
} as const;
export type MessageName = keyof typeof messages;

/** Into a buffer that is there already, as a connection has it, and out of one. */
export interface CodecUnderTest {
  readonly name: string;
  readonly encode: (value: unknown) => number;
  readonly decode: (bytes: Buffer, end: number) => unknown;
  readonly sample: (value: unknown) => Buffer;
}

/** msgpackr by itself, packing into its own buffer: what our codec is built on, without the limits. */
export function bareMsgpackr(): CodecUnderTest {
  const packr = new Packr({ useRecords: false });
  const target = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  const bounds = { start: 0, end: 0 };
  return {
    name: "msgpackr",
    encode(value) {
      packr.useBuffer(target);
      packr.position = 0;
      const packed = packr.pack(value, REUSE_BUFFER_MODE) as Buffer & { start: number; end: number };
      return packed.end - packed.start;
    },
    decode(bytes, end) {
      bounds.end = end;
      return packr.unpack(bytes, bounds);
    },
    sample: (value) => Buffer.from(packr.pack(value)),
  };
}

export function bareJson(): CodecUnderTest {
  const target = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  return {
    name: "JSON",
    encode: (value) => target.write(JSON.stringify(value), 0, "utf8"),
    decode: (bytes, end) => JSON.parse(bytes.toString("utf8", 0, end)),
    sample: (value) => Buffer.from(JSON.stringify(value)),
  };
}

/** One of ours, through the contract that connections use. */
export function codecUnderTest(name: string, factory: CodecFactory): CodecUnderTest {
  const codec: Codec = factory.create(DEFAULT_DECODE_LIMITS);
  const bytes = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const writer: Writer = { bytes, view, position: 0 };
  const encode = (value: unknown): number => {
    writer.bytes = bytes;
    writer.view = view;
    writer.position = 0;
    return codec.encodeInto(value, writer)?.length ?? writer.position;
  };
  return {
    name,
    encode,
    decode: (from, end) => codec.decode(from, 0, end),
    sample(value) {
      writer.position = 0;
      const own = codec.encodeInto(value, writer);
      return Buffer.from(own ?? bytes.subarray(0, writer.position));
    },
  };
}

export function codecCases(codecs: readonly CodecUnderTest[], message: MessageName): MicroCase[] {
  const value = messages[message];
  return codecs.flatMap(({ name, encode, decode, sample }) => {
    const bytes = sample(value);
    return [
      {
        name: `${name}: encode`,
        run(count: number) {
          let length = 0;
          for (let i = 0; i < count; i++) length += encode(value);
          return length;
        },
      },
      {
        name: `${name}: decode (${bytes.length} B)`,
        run(count: number) {
          let last: unknown;
          for (let i = 0; i < count; i++) last = decode(bytes, bytes.length);
          return last;
        },
      },
    ];
  });
}
