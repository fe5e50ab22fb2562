import { type Codec, CodecError, type CodecFactory, DEFAULT_DECODE_LIMITS } from "../codec.ts";
import type { Writer } from "../transport.ts";
import type { BusEvent } from "./event-bus.ts";

/** What a codec may count on is free. */
const SCRATCH_BYTES = 8192;

/** Payloads to bytes and back. No payload is no bytes. */
export interface EventCodecs {
  readonly contentType: string;
  /** Throws CodecError. */
  encode(payload: unknown): Uint8Array;
  /** By the content type that travelled with it. Throws CodecError, naming a content type that nobody here understands. */
  decode(event: BusEvent): unknown;
}

/** @param factories the first encodes, all decode; without a content type, the first does */
export function createEventCodecs(factories: readonly CodecFactory[]): EventCodecs {
  const codecs = factories.map((factory) => factory.create(DEFAULT_DECODE_LIMITS));
  const own = codecs[0] as Codec;
  const scratch = new Uint8Array(SCRATCH_BYTES);
  const writer: Writer = { bytes: scratch, view: new DataView(scratch.buffer), position: 0 };
  return {
    contentType: own.contentType,
    encode(payload) {
      if (payload === undefined) return new Uint8Array(0);
      writer.position = 0;
      return own.encodeInto(payload, writer) ?? scratch.slice(0, writer.position);
    },
    decode({ contentType, payload }) {
      if (payload.length === 0) return undefined;
      const type = mediaType(contentType);
      const codec = type === "" ? own : codecs.find((one) => one.contentType === type);
      if (codec === undefined)
        throw new CodecError(
          `content type ${JSON.stringify(contentType.slice(0, 80))} is not understood here: ${codecs.map((one) => one.contentType).join(" and ")} are`,
        );
      return codec.decode(payload, 0, payload.length);
    },
  };
}

/** Of `Application/JSON; charset=utf-8`: `application/json`. */
function mediaType(contentType: string): string {
  return (contentType.split(";")[0] ?? "").trim().toLowerCase();
}
