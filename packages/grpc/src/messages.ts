import type { Readable } from "node:stream";
import { promisify } from "node:util";
import { gunzip, inflate } from "node:zlib";
import { RpcError } from "@skein/core";

const HEAD = 5;
const unpack = { gzip: promisify(gunzip), deflate: promisify(inflate) };
/** What may be said in grpc-encoding, for the answer's grpc-accept-encoding. */
export const ENCODINGS = "identity,gzip,deflate";

/** A message behind its five bytes: not compressed, and how long it is. */
export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(HEAD + message.length);
  framed[0] = 0;
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, HEAD);
  return framed;
}

/**
 * The messages of a request. Ends with the request; its stream is not destroyed when the reader leaves.
 * @param encoding the request's grpc-encoding
 * @throws RpcError for one longer than `maxBytes`, one cut short, and a compression that nobody knows
 */
export async function* readMessages(
  stream: Readable,
  encoding: string | undefined,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  let held: Buffer[] = [];
  let size = 0;
  let need = HEAD;
  for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    held.push(chunk);
    size += chunk.length;
    if (size < need) continue;
    let bytes = held.length === 1 ? chunk : Buffer.concat(held);
    for (need = HEAD; bytes.length >= HEAD; need = HEAD) {
      const length = bytes.readUInt32BE(1);
      if (length > maxBytes) throw tooLong(length, maxBytes);
      need = HEAD + length;
      if (bytes.length < need) break;
      const message = bytes.subarray(HEAD, need);
      yield bytes[0] === 0 ? message : await decompress(message, encoding, maxBytes);
      bytes = bytes.subarray(need);
    }
    held = [bytes];
    size = bytes.length;
  }
  if (size > 0) throw new RpcError("INTERNAL", "the request ended within a message", { executed: "maybe" });
}

async function decompress(
  message: Uint8Array,
  encoding: string | undefined,
  maxBytes: number,
): Promise<Uint8Array> {
  const method = encoding === "gzip" || encoding === "deflate" ? unpack[encoding] : undefined;
  if (method === undefined)
    throw new RpcError("UNIMPLEMENTED", `grpc-encoding is ${encoding ?? "not given"}: use ${ENCODINGS}`, {
      executed: "no",
    });
  try {
    return await method(message, { maxOutputLength: maxBytes });
  } catch (cause) {
    if ((cause as { readonly code?: string }).code === "ERR_BUFFER_TOO_LARGE")
      throw tooLong(maxBytes + 1, maxBytes);
    throw new RpcError("INTERNAL", `a message is no ${encoding}`, { executed: "no", cause });
  }
}

function tooLong(length: number, maxBytes: number): RpcError {
  return new RpcError(
    "RESOURCE_EXHAUSTED",
    `a message of ${length} bytes or more came: at most ${maxBytes} are taken (maxMessageBytes of grpcDoor)`,
    { executed: "no" },
  );
}
