import type { Socket } from "node:net";
import type { Connection, ConnectionHandler, Runtime, Timer, Writer } from "@skein/core";
import { BatchBuffer, FrameDecoder, ProtocolError } from "@skein/core/internal";
import { HIGH_WATER_BYTES } from "./limits.ts";

/** After close(): how long the peer has to take what was sent, ms. */
const CLOSE_GRACE_MS = 1000;
/** A frame that has begun must be whole by then, ms. */
const FRAME_MS = 10_000;

/** Frames over a socket of node:net or node:tls. Whoever owns the socket's reading calls receive(). */
export class SocketConnection implements Connection {
  readonly remote: string;
  readonly maxFrameBytes: number;
  readonly #socket: Socket;
  readonly #runtime: Runtime;
  readonly #batch: BatchBuffer;
  #decoder: FrameDecoder | undefined;
  #handler: ConnectionHandler | undefined;
  #early: Uint8Array[] | undefined = [];
  #error: Error | undefined;
  #closing = false;
  #over = false;
  #frameTimer: Timer | undefined;
  #frames = 0;
  #waiting: (() => void)[] = [];

  constructor(runtime: Runtime, socket: Socket, remote: string, maxFrameBytes: number) {
    this.#runtime = runtime;
    this.#socket = socket;
    this.remote = remote;
    this.maxFrameBytes = maxFrameBytes;
    this.#batch = new BatchBuffer({
      allocate: (n) => Buffer.allocUnsafeSlow(n),
      write: (bytes) => {
        if (!this.#over) socket.write(bytes);
      },
      isEmpty: () => socket.writableLength === 0,
      defer: process.nextTick,
    });
    socket.on("error", (error) => {
      this.#error ??= error;
    });
    socket.on("close", () => this.#closed());
    socket.on("drain", () => this.#drained());
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength + this.#batch.waiting;
  }

  open(handler: ConnectionHandler): void {
    this.#handler = handler;
    this.#decoder = new FrameDecoder(this.maxFrameBytes, handler);
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const chunk of early) this.receive(chunk, chunk.length, 0);
  }

  /** Takes bytes[start, n) that were read; they may be reused afterwards. */
  receive(bytes: Uint8Array, n: number, start: number): void {
    const handler = this.#handler;
    const decoder = this.#decoder;
    if (handler === undefined || decoder === undefined) {
      this.#early?.push(bytes.slice(start, n));
      return;
    }
    if (this.#over || start === n) return;
    this.#frames++;
    try {
      decoder.push(bytes, n, start);
    } catch (error) {
      this.destroy(error instanceof ProtocolError ? error : new ProtocolError(String(error)));
      return;
    }
    handler.chunkEnd();
    if (this.#frameTimer === undefined && decoder.partial > 0) this.#watchFrame(decoder);
  }

  /** A peer that begins a frame and drips is closed. One timer, however many chunks come. */
  #watchFrame(decoder: FrameDecoder): void {
    const seen = this.#frames;
    this.#frameTimer = this.#runtime.clock.setTimer(FRAME_MS, () => {
      this.#frameTimer = undefined;
      if (decoder.partial === 0 || this.#over) return;
      if (this.#frames - seen < FRAME_MS / 10 && decoder.partial < 10 * 1024)
        this.destroy(new ProtocolError(`a frame was not whole within ${FRAME_MS} ms`));
      else this.#watchFrame(decoder);
    });
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
    this.#batch.commitWith(tail);
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
    this.#closing = true;
    this.#batch.flush();
    this.#socket.end();
    const grace = this.#runtime.clock.setTimer(CLOSE_GRACE_MS, () => this.#socket.destroy());
    this.#socket.once("close", () => grace.cancel());
  }

  destroy(error?: Error): void {
    this.#closing = true;
    this.#error ??= error;
    this.#socket.destroy();
  }

  #closed(): void {
    if (this.#over) return;
    this.#over = true;
    this.#frameTimer?.cancel();
    this.#waiting = [];
    this.#handler?.closed(this.#error);
  }
}
