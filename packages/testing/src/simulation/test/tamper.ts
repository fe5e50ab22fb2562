import type { Connection, ConnectionHandler, Transport, Writer } from "@skein/core";

export const CALL = 2;
export const RESULT = 4;
export const ERROR = 5;

/** A frame, to be looked at and changed in place. */
export class TamperedFrame {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get type(): number {
    return this.bytes[8] as number;
  }
  get stream(): number {
    return this.#view.getInt32(4, true);
  }
  set stream(stream: number) {
    this.#view.setInt32(4, stream, true);
  }
  get last(): number {
    return this.#view.getUint32(12, true);
  }
  set last(last: number) {
    this.#view.setUint32(12, last, true);
  }
}

/** What is done to the frames of one connection. */
export interface Tampering {
  /** The frames that are handed on in place of one that came. */
  readonly incoming?: (frame: TamperedFrame) => readonly TamperedFrame[];
  /** Changes a frame that goes out. */
  readonly outgoing?: (frame: TamperedFrame) => void;
}

/** A transport with a fault: what it dials, or what it accepts, is tampered with. */
export function tamperedTransport(
  inner: Transport,
  side: "dialled" | "accepted",
  tampering: () => Tampering,
): Transport {
  return {
    scheme: inner.scheme,
    async dial(address, options) {
      const connection = await inner.dial(address, options);
      return side === "dialled" ? new TamperedConnection(connection, tampering()) : connection;
    },
    listen: (address, accept, options) =>
      inner.listen(
        address,
        (connection) =>
          accept(side === "accepted" ? new TamperedConnection(connection, tampering()) : connection),
        options,
      ),
  };
}

class TamperedConnection implements Connection {
  readonly #inner: Connection;
  readonly #tampering: Tampering;
  #writer: Writer | undefined;
  #start = 0;

  constructor(inner: Connection, tampering: Tampering) {
    this.#inner = inner;
    this.#tampering = tampering;
  }

  get remote(): string {
    return this.#inner.remote;
  }
  get maxFrameBytes(): number {
    return this.#inner.maxFrameBytes;
  }
  get bufferedBytes(): number {
    return this.#inner.bufferedBytes;
  }

  open(handler: ConnectionHandler): void {
    const { incoming } = this.#tampering;
    if (incoming === undefined) return this.#inner.open(handler);
    this.#inner.open({
      frame: (bytes, start, end) => {
        for (const frame of incoming(new TamperedFrame(Buffer.from(bytes.subarray(start, end)))))
          handler.frame(frame.bytes, 0, frame.bytes.length);
      },
      chunkEnd: () => handler.chunkEnd(),
      closed: (error) => handler.closed(error),
    });
  }
  reserve(size: number): Writer {
    this.#writer = this.#inner.reserve(size);
    this.#start = this.#writer.position;
    return this.#writer;
  }
  commit(): boolean {
    this.#tamper();
    return this.#inner.commit();
  }
  commitWith(tail: Uint8Array): boolean {
    this.#tamper();
    return this.#inner.commitWith(tail);
  }
  #tamper(): void {
    const { bytes, position } = this.#writer as Writer;
    this.#tampering.outgoing?.(new TamperedFrame(bytes.subarray(this.#start, position)));
  }
  flush(): void {
    this.#inner.flush();
  }
  whenWritable(callback: () => void): void {
    this.#inner.whenWritable(callback);
  }
  close(): void {
    this.#inner.close();
  }
  destroy(error?: Error): void {
    this.#inner.destroy(error);
  }
}
