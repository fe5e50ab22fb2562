import type { Connection, ConnectionHandler, Writer } from "@skein/core";
import { FrameDecoder, ProtocolError } from "@skein/core/internal";
import type { Machine } from "./machine.ts";
import type { Pipe, Segment } from "./pipe.ts";

const MAX_FRAME_BYTES = 4 * 1024 * 1024 + 17 * 1024;
const HIGH_WATER_BYTES = 1024 * 1024;
/** So much leaves at once, less at the end of the tick. */
const EARLY_BYTES = 4096;

/** What an end tells its network. */
export interface Cable {
  sent(from: SimConnection, bytes: Uint8Array): void;
  received(by: SimConnection, bytes: number): void;
  closed(end: SimConnection, why: string): void;
}

/** One end of a connection on the simulated network. */
export class SimConnection implements Connection {
  readonly machine: Machine;
  readonly remote: string;
  readonly maxFrameBytes = MAX_FRAME_BYTES;
  /** Set once, before anything else: the way to the peer, and the peer. */
  out!: Pipe;
  peer!: SimConnection;
  /** Closed on this end, or it has heard that the peer did. */
  over = false;
  readonly #cable: Cable;
  #handler: ConnectionHandler | undefined;
  #decoder: FrameDecoder | undefined;
  #unreadSegments: Segment[] = [];
  #reading = false;
  readonly #read = (): void => this.#readAll();
  #error: Error | undefined;
  #unread = 0;
  #frames: Uint8Array[] = [];
  #waiting = 0;
  #flushing = false;
  #writer: Writer = { bytes: new Uint8Array(0), view: new DataView(new ArrayBuffer(0)), position: 0 };
  #whenWritable: (() => void)[] = [];

  constructor(machine: Machine, remote: string, cable: Cable) {
    this.machine = machine;
    this.remote = remote;
    this.#cable = cable;
  }

  get bufferedBytes(): number {
    return this.#unread + this.#waiting;
  }

  open(handler: ConnectionHandler): void {
    this.#handler = handler;
    this.#decoder = new FrameDecoder(this.maxFrameBytes, handler);
    if (this.over) return this.#tell();
    if (this.#unreadSegments.length === 0) return;
    this.#reading = true;
    this.machine.post(this.#read);
  }

  // ---- out

  reserve(size: number): Writer {
    if (this.#writer.bytes.length < size) {
      const bytes = Buffer.allocUnsafeSlow(size);
      this.#writer = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), position: 0 };
    }
    this.#writer.position = 0;
    return this.#writer;
  }
  commit(): boolean {
    return this.#commit(undefined);
  }
  commitWith(tail: Uint8Array): boolean {
    return this.#commit(tail);
  }
  #commit(tail: Uint8Array | undefined): boolean {
    const { bytes, position } = this.#writer;
    const length = position + (tail?.length ?? 0);
    const frame = Buffer.allocUnsafe((length + 7) & ~7);
    frame.fill(0, length);
    frame.set(bytes.subarray(0, position));
    if (tail !== undefined) frame.set(tail, position);
    this.#frames.push(frame);
    this.#waiting += frame.length;
    if (this.#waiting >= EARLY_BYTES) this.flush();
    else this.#flushLater();
    return this.bufferedBytes < HIGH_WATER_BYTES;
  }
  #flushLater(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    this.machine.runtime.defer(() => {
      this.#flushing = false;
      this.flush();
    });
  }
  flush(): void {
    if (this.#waiting === 0) return;
    const bytes = this.#frames.length === 1 ? (this.#frames[0] as Uint8Array) : Buffer.concat(this.#frames);
    this.#frames = [];
    this.#waiting = 0;
    if (this.over) return;
    this.#unread += bytes.length;
    this.#cable.sent(this, bytes);
    this.out.send({ kind: "data", bytes });
  }
  whenWritable(callback: () => void): void {
    if (this.over) return;
    if (this.bufferedBytes < HIGH_WATER_BYTES) this.machine.runtime.defer(callback);
    else this.#whenWritable.push(callback);
  }
  #wasRead(bytes: number): void {
    this.#unread -= bytes;
    if (this.#whenWritable.length === 0 || this.over || this.bufferedBytes >= HIGH_WATER_BYTES) return;
    const waiting = this.#whenWritable;
    this.#whenWritable = [];
    for (const callback of waiting) this.machine.post(callback);
  }

  // ---- in

  /** Told by the network: a segment is here, in the kernel's hands. What comes before it is read, is read in one go. */
  arrived(segment: Segment): void {
    this.#unreadSegments.push(segment);
    if (this.#reading || this.#handler === undefined) return;
    this.#reading = true;
    this.machine.enter(this.#read);
  }
  #readAll(): void {
    this.#reading = false;
    const segments = this.#unreadSegments;
    this.#unreadSegments = [];
    const bytes = segments.reduce((sum, one) => sum + (one.kind === "data" ? one.bytes.length : 0), 0);
    if (bytes > 0 && !this.over) this.#cable.received(this, bytes);
    for (const segment of segments) {
      if (this.over) return;
      if (segment.kind === "data") this.#push(segment.bytes);
      else return this.#ended(segment.kind, bytes);
    }
    this.#chunkEnd(bytes);
  }
  #push(bytes: Uint8Array): void {
    this.peer.#wasRead(bytes.length);
    try {
      this.#decoder?.push(bytes, bytes.length);
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }
  #chunkEnd(bytes: number): void {
    if (!this.over && bytes > 0) this.#handler?.chunkEnd();
  }
  #ended(how: "end" | "reset", bytes: number): void {
    this.#chunkEnd(bytes);
    const partial = (this.#decoder?.partial ?? 0) > 0;
    if (how === "reset") this.#end(new Error("read ECONNRESET"), "reset by its peer");
    else if (partial)
      this.#end(
        new ProtocolError(`${this.remote} closed the connection within a frame`),
        "ended within a frame",
      );
    else this.#end(undefined, "ended by its peer");
  }

  // ---- the end

  close(): void {
    if (this.over) return;
    this.flush();
    this.out.send({ kind: "end" });
    this.#end(undefined, "closed");
  }
  destroy(error?: Error): void {
    if (this.over) return;
    this.out.reset();
    this.#end(error, "destroyed");
  }
  #end(error: Error | undefined, why: string): void {
    if (this.over) return;
    this.over = true;
    this.#error = error;
    this.#unreadSegments = [];
    this.#frames = [];
    this.#waiting = 0;
    this.#whenWritable = [];
    this.#decoder?.stop();
    this.#cable.closed(this, why);
    this.#tell();
  }
  /** As over a socket: on a later tick, never from within close(). */
  #tell(): void {
    const handler = this.#handler;
    if (handler !== undefined) this.machine.post(() => handler.closed(this.#error));
  }
}
