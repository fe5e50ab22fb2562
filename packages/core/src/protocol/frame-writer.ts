import { type Codec, CodecError } from "../codec.ts";
import { RpcError } from "../errors/rpc-error.ts";
import type { Connection, Writer } from "../transport.ts";
import { copyBytes } from "./copy.ts";
import { HEADER_BYTES, kindWord, MORE, writeHeader } from "./frame.ts";
import { encodeJson } from "./hello.ts";
import type { EncodedMetadata } from "./metadata.ts";

/** Room that a codec is promised. */
const VALUE_ROOM = 4096;

/** Frames out: header, metadata, payload, written straight into the connection's batch buffer. */
export class FrameWriter {
  readonly connection: Connection;
  /** Set once HELLO agreed on it. */
  codec: Codec | undefined;
  /** The peer's, once HELLO told it: longer messages are refused here, before they are sent. */
  maxMessageBytes: number;
  /** The last commit was above the high-water mark. */
  congested = false;
  /** A value is being encoded into a frame that is begun and not committed. */
  #encoding = false;
  /** What user code (a getter, a toJSON) brought about meanwhile: it is sent behind that frame. */
  #behind: (() => void)[] | undefined;

  constructor(connection: Connection, maxMessageBytes: number) {
    this.connection = connection;
    this.maxMessageBytes = maxMessageBytes;
  }

  /** One message; `undefined` has no payload. Returns its length. Throws what the codec throws, or RESOURCE_EXHAUSTED; then nothing was sent. */
  value(
    type: number,
    flags: number,
    stream: number,
    method: number,
    last: number,
    value: unknown,
    metadata?: EncodedMetadata,
  ): number {
    if (this.#encoding)
      throw new CodecError("a value makes a call while it is encoded (in a getter or toJSON?)");
    const connection = this.connection;
    const head = metadata === undefined ? HEADER_BYTES : HEADER_BYTES + metadata.bytes.length;
    const w = connection.reserve(head + VALUE_ROOM);
    const at = w.position;
    w.position = at + head;
    const tail = value === undefined ? undefined : this.#encode(value, w);
    if (metadata !== undefined) {
      w.bytes.set(metadata.bytes, at + HEADER_BYTES);
      flags |= metadata.flags;
    }
    const length = tail === undefined ? w.position - at : head + tail.length;
    if (length - head > this.maxMessageBytes) throw tooLarge(length - head, this.maxMessageBytes);
    const kind = kindWord(type, flags, method);
    if (length > connection.maxFrameBytes) {
      const front = copyBytes(w.bytes, at + HEADER_BYTES, w.position);
      this.#fragments(kind, stream, last, tail === undefined ? front : join(front, tail));
    } else {
      writeHeader(w.view, at, length, stream, kind, last);
      this.congested = !(tail === undefined ? connection.commit() : connection.commitWith(tail));
    }
    if (this.#behind !== undefined) this.#catchUp();
    return length;
  }

  #encode(value: unknown, w: Writer): Uint8Array | undefined {
    this.#encoding = true;
    try {
      return (this.codec as Codec).encodeInto(value, w);
    } catch (error) {
      // Nothing was committed, and what was brought about meanwhile must not wait for a frame that never comes.
      this.#encoding = false;
      if (this.#behind !== undefined) this.#catchUp();
      throw error;
    } finally {
      this.#encoding = false;
    }
  }

  #catchUp(): void {
    const behind = this.#behind ?? [];
    this.#behind = undefined;
    for (const send of behind) send();
  }

  /** A message longer than a frame: parts behind one another, with nothing between them, all but the last flagged MORE. */
  #fragments(kind: number, stream: number, last: number, payload: Uint8Array): void {
    const most = this.connection.maxFrameBytes - HEADER_BYTES;
    for (let at = 0; at < payload.length; at += most) {
      const part = payload.subarray(at, at + most);
      const w = this.connection.reserve(HEADER_BYTES);
      const more = at + most < payload.length ? MORE << 8 : 0;
      writeHeader(w.view, w.position, HEADER_BYTES + part.length, stream, kind | more, last);
      w.position += HEADER_BYTES;
      this.congested = !this.connection.commitWith(part);
    }
  }

  /** A frame without payload. */
  bare(type: number, flags: number, stream: number, method: number, last: number): void {
    if (this.#encoding) {
      this.#behind ??= [];
      this.#behind.push(() => this.bare(type, flags, stream, method, last));
      return;
    }
    const w = this.connection.reserve(HEADER_BYTES);
    writeHeader(w.view, w.position, HEADER_BYTES, stream, kindWord(type, flags, method), last);
    w.position += HEADER_BYTES;
    this.congested = !this.connection.commit();
  }

  /** A connection's own frame with a payload in JSON. */
  json(type: number, flags: number, last: number, payload: object): void {
    if (this.#encoding) {
      this.#behind ??= [];
      this.#behind.push(() => this.json(type, flags, last, payload));
      return;
    }
    const tail = encodeJson(payload);
    const w = this.connection.reserve(HEADER_BYTES);
    writeHeader(w.view, w.position, HEADER_BYTES + tail.length, 0, kindWord(type, flags, 0), last);
    w.position += HEADER_BYTES;
    this.congested = !this.connection.commitWith(tail);
  }
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

function tooLarge(bytes: number, limit: number): RpcError {
  return new RpcError(
    "RESOURCE_EXHAUSTED",
    `a message of ${bytes} bytes is over the limit of ${limit}: stream it in parts, or raise maxMessageBytes on both sides`,
    { executed: "no" },
  );
}
