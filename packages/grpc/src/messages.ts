import type { Readable } from "node:stream";
import { promisify } from "node:util";
import { gunzip, gunzipSync, inflate, inflateSync } from "node:zlib";
import { RpcError } from "@skein/core";

const HEAD = 5;
const unpack = { gzip: promisify(gunzip), deflate: promisify(inflate) };
const unpackNow = { gzip: gunzipSync, deflate: inflateSync };
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

export interface RawMessage {
  readonly compressed: boolean;
  readonly bytes: Uint8Array;
}

/** Finds the messages in bytes that come in any pieces. */
export class MessageSplitter {
  readonly #limit: MessageLimit;
  #held: Buffer[] = [];
  #size = 0;
  #need = HEAD;

  constructor(limit: MessageLimit) {
    this.#limit = limit;
  }

  /** Bytes of a message that is not whole are held. */
  get within(): boolean {
    return this.#size > 0;
  }

  add(chunk: Buffer): void {
    this.#held.push(chunk);
    this.#size += chunk.length;
  }

  /**
   * The next one that is whole.
   * @throws RpcError as soon as one that is too long begins, and for what is no message
   */
  next(): RawMessage | undefined {
    if (this.#size < this.#need) return undefined;
    const bytes = this.#held.length === 1 ? (this.#held[0] as Buffer) : Buffer.concat(this.#held);
    const length = bytes.readUInt32BE(1);
    const flag = bytes[0] as number;
    if (flag > 1) throw new RpcError("INTERNAL", `a message begins with ${flag}`, { executed: "maybe" });
    if (length > this.#limit.maxBytes) throw tooLong(length, this.#limit);
    this.#need = HEAD + length;
    const whole = this.#size >= this.#need;
    const rest = whole ? bytes.subarray(this.#need) : bytes;
    this.#held = rest.length === 0 ? [] : [rest];
    this.#size = rest.length;
    if (!whole) return undefined;
    const message = bytes.subarray(HEAD, this.#need);
    this.#need = HEAD;
    return { compressed: flag === 1, bytes: message };
  }
}

/** The longest message taken. */
export interface MessageLimit {
  /** After decompression. */
  readonly maxBytes: number;
  /** Which option says so, for messages. */
  readonly option: string;
}

/**
 * The messages of a request. Ends with the request; its stream is not destroyed when the reader leaves.
 * @param encoding the request's grpc-encoding
 * @throws RpcError for one that is too long, one cut short, and a compression that nobody knows
 */
export async function* readMessages(
  stream: Readable,
  encoding: string | undefined,
  limit: MessageLimit,
): AsyncGenerator<Uint8Array> {
  const splitter = new MessageSplitter(limit);
  for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    splitter.add(chunk);
    for (let message = splitter.next(); message !== undefined; message = splitter.next())
      yield message.compressed ? await decompress(message.bytes, encoding, limit) : message.bytes;
  }
  if (splitter.within)
    throw new RpcError("INTERNAL", "the request ended within a message", { executed: "maybe" });
}

async function decompress(
  message: Uint8Array,
  encoding: string | undefined,
  limit: MessageLimit,
): Promise<Uint8Array> {
  const method = methodOf(encoding, unpack);
  try {
    return await method(message, { maxOutputLength: limit.maxBytes });
  } catch (cause) {
    throw notUnpacked(cause, encoding, limit);
  }
}

/**
 * For answers, which we never ask to be compressed.
 * @throws RpcError
 */
export function decompressNow(
  message: Uint8Array,
  encoding: string | undefined,
  limit: MessageLimit,
): Uint8Array {
  const method = methodOf(encoding, unpackNow);
  try {
    return method(message, { maxOutputLength: limit.maxBytes });
  } catch (cause) {
    throw notUnpacked(cause, encoding, limit);
  }
}

function methodOf<M>(encoding: string | undefined, methods: { readonly gzip: M; readonly deflate: M }): M {
  if (encoding === "gzip" || encoding === "deflate") return methods[encoding];
  throw new RpcError("UNIMPLEMENTED", `grpc-encoding is ${encoding ?? "not given"}: use ${ENCODINGS}`, {
    executed: "no",
  });
}

function notUnpacked(cause: unknown, encoding: string | undefined, limit: MessageLimit): RpcError {
  if ((cause as { readonly code?: string }).code === "ERR_BUFFER_TOO_LARGE")
    return tooLong(limit.maxBytes + 1, limit);
  return new RpcError("INTERNAL", `a message is no ${encoding}`, { executed: "no", cause });
}

function tooLong(length: number, { maxBytes, option }: MessageLimit): RpcError {
  return new RpcError(
    "RESOURCE_EXHAUSTED",
    `a message of ${length} bytes or more came: at most ${maxBytes} are taken (${option})`,
    { executed: "no" },
  );
}
