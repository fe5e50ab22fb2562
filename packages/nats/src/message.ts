/** Bytes before what a message carries. */
export const HEAD_BYTES = 16;
const MAGIC = 0x534b;
const VERSION = 1;
const MAX_REASON_BYTES = 200;

/** What a message is for. `probe` asks whether somebody listens, without making a connection. */
export type Kind = "open" | "accept" | "data" | "end" | "reset" | "ack" | "probe" | "present";
const KINDS: readonly Kind[] = ["open", "accept", "data", "end", "reset", "ack", "probe", "present"];

/** One message of ours. Numbers are of 32 bits and wrap. */
export interface Message {
  readonly kind: Kind;
  /** Tells a connection from those that had its subject before. Chosen by who dials. */
  readonly epoch: number;
  /** Of `data` and `end`: counts them, from 0. */
  readonly sequence: number;
  /** How many bytes of the peer's have been handed on. Of `open` and `accept`: how many may wait. */
  readonly acknowledged: number;
  /** `data`: a part of the stream. `reset`: why, in UTF-8. */
  readonly body: Uint8Array;
}

/** Writes the head into `bytes`, which has room for it at 0. */
export function writeHead(
  bytes: Uint8Array,
  kind: Kind,
  epoch: number,
  sequence: number,
  acknowledged: number,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEAD_BYTES);
  view.setUint16(0, MAGIC);
  view.setUint8(2, VERSION);
  view.setUint8(3, KINDS.indexOf(kind));
  view.setUint32(4, epoch);
  view.setUint32(8, sequence);
  view.setUint32(12, acknowledged);
}

/** A message without a stream's bytes. `reason` is cut at 200 bytes. */
export function encode(
  kind: Kind,
  {
    epoch,
    sequence = 0,
    acknowledged = 0,
    reason = "",
  }: Partial<Message> & { epoch: number; reason?: string },
): Uint8Array {
  const text = Buffer.from(reason).subarray(0, MAX_REASON_BYTES);
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + text.length);
  writeHead(bytes, kind, epoch, sequence, acknowledged);
  bytes.set(text, HEAD_BYTES);
  return bytes;
}

/** Undefined for what is no message of ours. `body` is a view. */
export function decode(bytes: Uint8Array): Message | undefined {
  if (bytes.length < HEAD_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEAD_BYTES);
  const kind = KINDS[view.getUint8(3)];
  if (view.getUint16(0) !== MAGIC || view.getUint8(2) !== VERSION || kind === undefined) return undefined;
  return {
    kind,
    epoch: view.getUint32(4),
    sequence: view.getUint32(8),
    acknowledged: view.getUint32(12),
    // A Buffer, whatever the client gave: text is read out of one by the shorter way.
    body: Buffer.from(bytes.buffer, bytes.byteOffset + HEAD_BYTES, bytes.length - HEAD_BYTES),
  };
}

/** Why the peer reset, for an error's message: without control characters. */
export function reasonOf({ body }: Message): string {
  return Buffer.from(body.subarray(0, MAX_REASON_BYTES))
    .toString("utf8")
    .replace(/[^\p{L}\p{N}\p{P}\p{S}\p{Zs}]/gu, "?");
}
