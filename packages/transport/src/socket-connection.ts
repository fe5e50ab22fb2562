import type { Socket } from "node:net";
import type { Connection, ConnectionHandler, Runtime, Writer } from "@skein/core";
import { BatchBuffer, FrameDecoder, FrameWatch, ProtocolError } from "@skein/core/internal";
import { CLOSE_GRACE_MS, HIGH_WATER_BYTES } from "./limits.ts";
import { connectionError } from "./socket-errors.ts";

/** Frames over a socket of node:net or node:tls (made with allowHalfOpen). Whoever owns the socket's reading calls receive(). */
export class SocketConnection implements Connection {
  readonly remote: string;
  readonly maxFrameBytes: number;
  readonly #socket: Socket;
  readonly #runtime: Runtime;
  readonly #batch: BatchBuffer;
  #decoder: FrameDecoder | undefined;
  #watch: FrameWatch | undefined;
  #handler: ConnectionHandler | undefined;
  /** Read before open(); the socket is paused meanwhile. */
  #early: Uint8Array | undefined;
  #error: Error | undefined;
  /** close() or destroy() was called: nothing more is handed on. */
  #closing = false;
  /** The socket is closed. */
  #over = false;
  #waiting: (() => void)[] = [];

  constructor(runtime: Runtime, socket: Socket, remote: string, maxFrameBytes: number) {
    this.#runtime = runtime;
    this.#socket = socket;
    this.remote = remote;
    this.maxFrameBytes = maxFrameBytes;
    this.#batch = new BatchBuffer({
      allocate: (n) => Buffer.allocUnsafeSlow(n),
      write: (bytes) => {
        // After the peer's reset, or our own close(), there is nobody to write to: closed() says so.
        if (socket.writable) socket.write(bytes);
      },
      isEmpty: () => socket.writableLength === 0,
      defer: (fn) => runtime.defer(fn),
    });
    socket.on("error", (error) => {
      this.#error ??= connectionError(remote, error);
    });
    socket.on("end", () => this.#ended());
    socket.on("close", () => this.#closed());
    socket.on("drain", () => this.#drained());
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength + this.#batch.waiting;
  }

  open(handler: ConnectionHandler): void {
    this.#handler = handler;
    if (this.#over) {
      this.#runtime.defer(() => handler.closed(this.#error));
      return;
    }
    const decoder = new FrameDecoder(this.maxFrameBytes, handler);
    this.#decoder = decoder;
    this.#watch = new FrameWatch(this.#runtime, decoder, (error) => this.destroy(error));
    if (this.#early !== undefined) this.#runtime.defer(() => this.#catchUp());
  }

  #catchUp(): void {
    const early = this.#early;
    if (early === undefined) return;
    this.#early = undefined;
    this.receive(early, early.length, 0);
    this.#socket.resume();
  }

  /** Takes bytes[start, n) that were read; they may be reused afterwards. */
  receive(bytes: Uint8Array, n: number, start: number): void {
    if (this.#closing || start === n) return;
    const handler = this.#handler;
    const decoder = this.#decoder;
    if (handler === undefined || decoder === undefined || this.#early !== undefined) {
      // A copy: `slice` of a Buffer would be a view of memory that is read into again.
      this.#keep(new Uint8Array(bytes.subarray(start, n)));
      return;
    }
    try {
      decoder.push(bytes, n, start);
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    if (this.#closing) return;
    handler.chunkEnd();
    if (decoder.partial > 0) this.#watch?.start();
  }

  #keep(bytes: Uint8Array): void {
    this.#early = this.#early === undefined ? bytes : Buffer.concat([this.#early, bytes]);
    this.#socket.pause();
  }

  reserve(size: number): Writer {
    this.#batch.reserve(size);
    return this.#batch;
  }
  commit(): boolean {
    this.#batch.commit();
    return this.#socket.writableLength < HIGH_WATER_BYTES;
  }
  commitWith(tail: Uint8Array): boolean {
    // Head, tail and padding in one system call.
    this.#socket.cork();
    this.#batch.commitWith(tail);
    this.#socket.uncork();
    return this.#socket.writableLength < HIGH_WATER_BYTES;
  }
  flush(): void {
    this.#batch.flush();
  }
  whenWritable(callback: () => void): void {
    if (this.#over) return;
    if (this.#socket.writableLength < HIGH_WATER_BYTES) this.#runtime.defer(callback);
    else this.#waiting.push(callback);
  }
  #drained(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    for (const callback of waiting) callback();
  }

  close(): void {
    if (this.#closing) return;
    this.#stop();
    this.#batch.flush();
    const socket = this.#socket;
    socket.end();
    // What still comes is read and dropped: unread bytes would turn our FIN into a reset, and lose what was sent.
    socket.resume();
    const grace = this.#runtime.clock.setTimer(CLOSE_GRACE_MS, () => socket.destroy());
    socket.once("close", () => grace.cancel());
  }

  destroy(error?: Error): void {
    if (this.#over) return;
    this.#stop();
    this.#error ??= error;
    this.#socket.destroy();
  }

  #stop(): void {
    this.#closing = true;
    this.#early = undefined;
    this.#decoder?.stop();
    this.#watch?.stop();
  }

  /** The peer's FIN. */
  #ended(): void {
    if ((this.#decoder?.partial ?? 0) > 0)
      this.#error ??= new ProtocolError(`${this.remote} closed the connection within a frame`);
    this.close();
  }

  #closed(): void {
    if (this.#over) return;
    this.#over = true;
    this.#stop();
    this.#waiting = [];
    this.#handler?.closed(this.#error);
  }
}
