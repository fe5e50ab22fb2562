import type { Connection, ConnectionHandler, Runtime, Timer, Writer } from "@skein/core";
import { BatchBuffer, FrameDecoder, ProtocolError } from "@skein/core/internal";
import { Incoming } from "./incoming.ts";
import { CLOSE_GRACE_MS, HIGH_WATER_BYTES, WINDOW_BYTES } from "./limits.ts";
import { encode, type Message, reasonOf } from "./message.ts";
import { Outgoing } from "./outgoing.ts";

export interface NatsConnectionOptions {
  readonly runtime: Runtime;
  readonly remote: string;
  readonly epoch: number;
  readonly maxFrameBytes: number;
  readonly partBytes: number;
  /** The peer's. */
  readonly windowBytes: number;
  /** Publishes to the other end. */
  readonly send: (bytes: Uint8Array) => void;
  /** Nothing more will be sent or wanted. */
  readonly over: () => void;
}

/** Frames over messages: numbered, and held back while the peer does not take them. */
export class NatsConnection implements Connection {
  readonly remote: string;
  readonly maxFrameBytes: number;
  readonly epoch: number;
  readonly #o: NatsConnectionOptions;
  readonly #batch: BatchBuffer;
  readonly #outgoing: Outgoing;
  readonly #incoming = new Incoming(WINDOW_BYTES);
  #decoder: FrameDecoder | undefined;
  #handler: ConnectionHandler | undefined;
  /** Came before open() and was not handed on yet: at most a window. */
  #early: Message[] = [];
  /** Pieces of one frame are put together before they leave. */
  #corked = false;
  /** close() was called: what was committed still leaves. */
  #closing = false;
  #over = false;
  #error: Error | undefined;
  #grace: Timer | undefined;
  #waiting: (() => void)[] = [];

  constructor(options: NatsConnectionOptions) {
    this.#o = options;
    const { remote, epoch, maxFrameBytes, partBytes, windowBytes, runtime } = options;
    this.remote = remote;
    this.epoch = epoch;
    this.maxFrameBytes = maxFrameBytes;
    this.#outgoing = new Outgoing({ epoch, partBytes, windowBytes });
    this.#batch = new BatchBuffer({
      allocate: (n) => Buffer.allocUnsafeSlow(n),
      write: (bytes) => this.#write(bytes),
      isEmpty: () => this.#outgoing.queued === 0,
      defer: (fn) => runtime.defer(fn),
    });
  }

  get bufferedBytes(): number {
    return this.#outgoing.inFlight + this.#outgoing.queued + this.#batch.waiting;
  }

  open(handler: ConnectionHandler): void {
    this.#handler = handler;
    if (this.#over) return this.#tell();
    this.#decoder = new FrameDecoder(this.maxFrameBytes, handler);
    if (this.#early.length > 0) this.#o.runtime.yieldToIo(() => this.#catchUp());
  }

  #catchUp(): void {
    const early = this.#early;
    this.#early = [];
    for (const message of early) if (!this.#over) this.#handOn(message);
    if (!this.#over) this.#pump();
  }

  /** A message of the other end's, of our epoch. */
  receive(message: Message): void {
    if (this.#over) return;
    if (message.kind === "reset") {
      this.#end(new Error(`${this.remote} ended the connection: ${reasonOf(message)}`));
      return;
    }
    if (!this.#outgoing.acknowledged(message.acknowledged))
      return this.destroy(new ProtocolError(`${this.remote} acknowledged what was not sent`));
    if (message.kind !== "ack") this.#receiveNext(message);
    if (!this.#over) this.#pump();
  }

  #receiveNext(message: Message): void {
    const { expected } = this.#incoming;
    const verdict = this.#incoming.check(message);
    if (verdict === "gap") {
      const text = `message ${message.sequence} of ${this.remote} came instead of ${expected}: some were lost`;
      this.destroy(new Error(text));
    } else if (verdict === "overrun")
      this.destroy(new ProtocolError(`${this.remote} sent more than its window`));
    else if (this.#decoder === undefined || this.#early.length > 0) this.#early.push(message);
    else this.#handOn(message);
  }

  #handOn({ kind, body }: Message): void {
    if (kind === "end") this.#peerEnded();
    else this.#take(body);
  }

  #take(bytes: Uint8Array): void {
    this.#incoming.take(bytes.length);
    if (!this.#closing) {
      try {
        this.#decoder?.push(bytes, bytes.length);
      } catch (error) {
        return this.destroy(error instanceof Error ? error : new Error(String(error)));
      }
      if (this.#over) return;
      this.#handler?.chunkEnd();
    }
    // What a handler has written meanwhile leaves at the end of the tick and tells it as well, most of the time.
    if (this.#incoming.due && !this.#over)
      this.#o.send(encode("ack", { epoch: this.epoch, acknowledged: this.#incoming.tell() }));
  }

  /** The peer has sent all it had. */
  #peerEnded(): void {
    const within = (this.#decoder?.partial ?? 0) > 0;
    this.#end(within ? new ProtocolError(`${this.remote} closed the connection within a frame`) : undefined);
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
    // Head, tail and padding in as few messages as can be.
    this.#corked = true;
    this.#batch.commitWith(tail);
    this.#corked = false;
    this.#pump();
    return this.bufferedBytes < HIGH_WATER_BYTES;
  }
  flush(): void {
    this.#batch.flush();
  }
  whenWritable(callback: () => void): void {
    if (this.#over) return;
    if (this.bufferedBytes < HIGH_WATER_BYTES) this.#o.runtime.defer(callback);
    else this.#waiting.push(callback);
  }

  #write(bytes: Uint8Array): void {
    if (this.#over || this.#closing) return;
    this.#outgoing.push(bytes);
    if (!this.#corked) this.#pump();
  }

  /** Sends what the window allows. */
  #pump(): void {
    while (!this.#over) {
      const message = this.#nextMessage();
      if (message === undefined) break;
      this.#o.send(message);
    }
    if (this.#closing && this.#outgoing.queued === 0) return this.#sayEnd();
    if (this.#waiting.length === 0 || this.bufferedBytes >= HIGH_WATER_BYTES) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const callback of waiting) callback();
  }

  #nextMessage(): Uint8Array | undefined {
    if (this.#outgoing.queued === 0) return undefined;
    const message = this.#outgoing.next(this.#incoming.taken);
    if (message !== undefined) this.#incoming.tell();
    return message;
  }

  close(): void {
    if (this.#closing || this.#over) return;
    this.#batch.flush();
    this.#closing = true;
    this.#decoder?.stop();
    this.#grace = this.#o.runtime.clock.setTimer(CLOSE_GRACE_MS, () => this.destroy());
    this.#pump();
  }

  #sayEnd(): void {
    if (this.#over) return;
    this.#o.send(this.#outgoing.end(this.#incoming.tell()));
    this.#end();
  }

  destroy(error?: Error): void {
    if (this.#over) return;
    const reason = error instanceof ProtocolError ? error.message : "it was closed at once";
    this.#o.send(encode("reset", { epoch: this.epoch, reason }));
    this.#end(error);
  }

  /** Ends it without a word to the peer, who cannot be reached or has said so itself. */
  lost(error: Error): void {
    this.#end(error);
  }

  #end(error?: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#error = error;
    this.#grace?.cancel();
    this.#decoder?.stop();
    this.#outgoing.clear();
    this.#early = [];
    this.#waiting = [];
    this.#o.over();
    if (this.#handler !== undefined) this.#tell();
  }

  /** On a later tick, never from within close(). */
  #tell(): void {
    const handler = this.#handler;
    this.#o.runtime.defer(() => handler?.closed(this.#error));
  }
}
