import type { Connection, ConnectionHandler, Runtime, Writer } from "@skein/core";
import { BatchBuffer, FrameDecoder, ProtocolError } from "@skein/core/internal";
import { HIGH_WATER_BYTES } from "./limits.ts";

/** One end of a pair: what it writes in a tick, its peer receives as one chunk on a later one, copied as a kernel would. */
export class MemoryConnection implements Connection {
  readonly remote: string;
  readonly maxFrameBytes: number;
  /** Set once, before anything else. */
  peer!: MemoryConnection;
  readonly #runtime: Runtime;
  readonly #batch: BatchBuffer;
  #decoder: FrameDecoder | undefined;
  #handler: ConnectionHandler | undefined;
  /** Written and not yet read by the peer. */
  #unread = 0;
  #inbox: Uint8Array[] = [];
  #scheduled = false;
  /** close() or destroy() was called on this end, or it has seen the peer's. */
  #closed = false;
  #error: Error | undefined;
  #waiting: (() => void)[] = [];
  readonly #receive = (): void => this.#take();

  constructor(runtime: Runtime, remote: string, maxFrameBytes: number) {
    this.#runtime = runtime;
    this.remote = remote;
    this.maxFrameBytes = maxFrameBytes;
    this.#batch = new BatchBuffer({
      allocate: (n) => Buffer.allocUnsafeSlow(n),
      write: (bytes) => this.#write(bytes),
      isEmpty: () => true,
      defer: (fn) => runtime.defer(fn),
    });
  }

  get bufferedBytes(): number {
    return this.#unread + this.#batch.waiting;
  }

  open(handler: ConnectionHandler): void {
    this.#handler = handler;
    this.#decoder = new FrameDecoder(this.maxFrameBytes, handler);
    if (this.#closed) this.#tell();
    else this.#schedule();
  }
  reserve(size: number): Writer {
    this.#batch.reserve(size);
    return this.#batch;
  }
  commit(): boolean {
    this.#batch.commit();
    return this.bufferedBytes < HIGH_WATER_BYTES;
  }
  commitWith(tail: Uint8Array): boolean {
    this.#batch.commitWith(tail);
    return this.bufferedBytes < HIGH_WATER_BYTES;
  }
  flush(): void {
    this.#batch.flush();
  }
  whenWritable(callback: () => void): void {
    if (this.#closed) return;
    if (this.bufferedBytes < HIGH_WATER_BYTES) this.#runtime.defer(callback);
    else this.#waiting.push(callback);
  }

  #write(bytes: Uint8Array): void {
    const { peer } = this;
    if (this.#closed || peer.#closed || bytes.length === 0) return;
    this.#unread += bytes.length;
    peer.#inbox.push(Buffer.from(bytes));
    peer.#schedule();
  }
  #schedule(): void {
    if (this.#scheduled || this.#handler === undefined) return;
    this.#scheduled = true;
    this.#runtime.yieldToIo(this.#receive);
  }
  #take(): void {
    this.#scheduled = false;
    const chunks = this.#inbox;
    this.#inbox = [];
    for (const chunk of chunks) {
      if (this.#closed) return;
      this.peer.#wasRead(chunk.length);
      try {
        this.#decoder?.push(chunk, chunk.length);
      } catch (error) {
        return this.destroy(error instanceof Error ? error : new Error(String(error)));
      }
    }
    if (this.#closed) return;
    if (chunks.length > 0) this.#handler?.chunkEnd();
    if (this.peer.#closed && this.#inbox.length === 0) this.#peerClosed();
  }
  #wasRead(bytes: number): void {
    this.#unread -= bytes;
    if (this.#waiting.length === 0 || this.bufferedBytes >= HIGH_WATER_BYTES) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const callback of waiting) callback();
  }
  #peerClosed(): void {
    const within = (this.#decoder?.partial ?? 0) > 0;
    this.#end(within ? new ProtocolError(`${this.remote} closed the connection within a frame`) : undefined);
  }

  close(): void {
    if (this.#closed) return;
    this.#batch.flush();
    this.#end();
  }
  destroy(error?: Error): void {
    if (this.#closed) return;
    this.peer.#inbox = [];
    this.#end(error);
  }
  #end(error?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#error = error;
    this.#inbox = [];
    this.#waiting = [];
    this.#decoder?.stop();
    this.peer.#schedule();
    this.#tell();
  }
  /** As over a socket: on a later tick, never from within close(). */
  #tell(): void {
    const handler = this.#handler;
    if (handler !== undefined) this.#runtime.yieldToIo(() => handler.closed(this.#error));
  }
}
