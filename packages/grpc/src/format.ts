import { DEFAULT_DECODE_LIMITS, RpcError } from "@skein/core";
import { hasProtoKey, jsonExcess } from "@skein/core/internal";
import { decodeValue, encodeValue, writeJson } from "./value.ts";

/** How the messages of one call are written. */
export interface Format {
  /** Of the answer. */
  readonly contentType: string;
  /** @throws RpcError INVALID_ARGUMENT saying what the bytes are not */
  decode(bytes: Uint8Array): unknown;
  encode(value: unknown): Uint8Array;
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** With the limits of our own JSON codec: depth, number of values, and no key `__proto__`. */
function decodeJson(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return undefined;
  const excess = jsonExcess(bytes, 0, bytes.length, DEFAULT_DECODE_LIMITS);
  if (excess !== undefined) throw invalid(`the JSON of a message: ${excess}`);
  let value: unknown;
  let text: string;
  try {
    text = utf8.decode(bytes);
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid("a message is no JSON", cause);
  }
  if (hasProtoKey(text, value)) throw invalid('a message has the key "__proto__"');
  return value;
}

/** For `application/grpc+json`. */
export const jsonFormat: Format = {
  contentType: "application/grpc+json",
  decode: decodeJson,
  encode: (value) => Buffer.from(writeJson(value)),
};

/**
 * For `application/grpc` where there is no .proto: JSON, or google.protobuf.Value, as the caller's first message is; answered in the same.
 * Clients that cannot choose a content type (grpc-js) send JSON under it, those that know us by reflection (grpcurl) a Value.
 */
export function guessedFormat(contentType: string): Format {
  let json: boolean | undefined;
  return {
    contentType,
    decode(bytes) {
      json ??= !looksLikeValue(bytes);
      if (json) return decodeJson(bytes);
      try {
        return decodeValue(bytes);
      } catch (cause) {
        throw invalid("a message is neither JSON nor a google.protobuf.Value", cause);
      }
    },
    encode: (value) => (json === true ? jsonFormat.encode(value) : encodeValue(value)),
  };
}

/** Nothing that is JSON begins as a Value does, but for a space (a boolean's tag) and the digit 2 (a list's): these are looked at in full. */
function looksLikeValue(bytes: Uint8Array): boolean {
  const [first, second = -2, third] = bytes;
  if (first === undefined || first === 0x08 || first === 0x11 || first === 0x1a || first === 0x2a)
    return true;
  if (first === 0x20) return bytes.length === 2 && second <= 1;
  if (first !== 0x32) return false;
  return second >= 0x80 || (second === bytes.length - 2 && (third === undefined || third === 0x0a));
}

export function invalid(message: string, cause?: unknown): RpcError {
  return new RpcError("INVALID_ARGUMENT", message, { executed: "no", cause });
}
