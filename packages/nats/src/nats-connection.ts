import type { Connection, ConnectionHandler, Runtime, Timer, Writer } from "@skein/core";
import { BatchBuffer, FrameDecoder, FrameWatch, ProtocolError } from "@skein/core/internal";
import { Incoming } from "./incoming.ts";
import { CLOSE_GRACE_MS, HIGH_WATER_BYTES, SHUT_MS, WINDOW_BYTES } from "./limits.ts";
import { encode, type Message, reasonOf } from "./message.ts";
import { Outgoing } from "./outgoing.ts";

/** Of so many messages it is known when they were sent; a power of two. The server says at once that nobody took one. */
const REMEMBERED = 256;

export interface NatsConnectionOptions {
  readonly runtime: Runtime;
  readonly remote: string;
  readonly epoch: number;
  readonly maxFrameBytes: number;
  readonly partBytes: number;
  /** The peer's. */
  readonly windowBytes: number;
  /** Publishes to the other end. `number`: of the message, or of the next one where it has none. */
  readonly send: (bytes: Uint8Array, number: number) => void;
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
  #watch: FrameWatch | undefined;
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
  /** While the peer's window is shut. */
  #shut: Timer | undefined;
  #waiting: (() => void)[] = [];
  /** When messages were sent, by the last bits of their numbers: clock.monotonic() ms; before the first, none was. */
  readonly #sentAt = new Float64Array(REMEMBERED).fill(Number.NEGATIVE_INFINITY);
  /** Nobody is there: see untaken(). */
  #held = false;
  #undeliveredSince: number | undefined;

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
    this.#watch = new FrameWatch(this.#o.runtime, this.#decoder, (error) => this.destroy(error));
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
      if ((this.#decoder?.partial ?? 0) > 0) this.#watch?.start();
    }
    // What a handler has written meanwhile leaves at the end of the tick and tells it as well, most of the time.
    if (this.#incoming.due && !this.#over) this.#acknowledge();
  }

  #acknowledge(): void {
    const ack = encode("ack", { epoch: this.epoch, acknowledged: this.#incoming.tell() });
    this.#o.send(ack, this.#outgoing.sequence);
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
    if (this.#held) return;
    while (!this.#over) {
      const number = this.#outgoing.sequence;
      const message = this.#nextMessage();
      if (message === undefined) break;
      this.#sentAt[number % REMEMBERED] = this.#o.runtime.clock.monotonic();
      this.#o.send(message, number);
    }
    if (this.#outgoing.queued > 0) this.#shut ??= this.#o.runtime.clock.setTimer(SHUT_MS, () => this.#ask());
    else if (this.#closing) return this.#sayEnd();
    if (this.#waiting.length === 0 || this.bufferedBytes >= HIGH_WATER_BYTES) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const callback of waiting) callback();
  }

  /** The window is shut, so nothing is sent that would tell that nobody is there any more: an empty message does. */
  #ask(): void {
    this.#shut = undefined;
    if (this.#over || this.#outgoing.queued === 0) return;
    this.#acknowledge();
    this.#shut = this.#o.runtime.clock.setTimer(SHUT_MS, () => this.#ask());
  }

  #nextMessage(): Uint8Array | undefined {
    if (this.#outgoing.queued === 0) return undefined;
    const message = this.#outgoing.next(this.#incoming.taken);
    if (message !== undefined) this.#incoming.tell();
    return message;
  }

  /** Sends what tells nothing, so that it is told if nobody is there. */
  poke(): void {
    if (!this.#over) this.#acknowledge();
  }

  close(): void {
    if (this.#closing || this.#over) return;
    this.#batch.flush();
    this.#closing = true;
    this.#decoder?.stop();
    this.#watch?.stop();
    this.#grace = this.#o.runtime.clock.setTimer(CLOSE_GRACE_MS, () => this.destroy());
    this.#pump();
  }

  #sayEnd(): void {
    if (this.#over) return;
    const number = this.#outgoing.sequence;
    this.#o.send(this.#outgoing.end(this.#incoming.tell()), number);
    this.#end();
  }

  destroy(error?: Error): void {
    if (this.#over) return;
    const reason = error instanceof ProtocolError ? error.message : "it was closed at once";
    this.#o.send(encode("reset", { epoch: this.epoch, reason }), this.#outgoing.sequence);
    this.#end(error);
  }

  /** Ends it without a word to the peer, who cannot be reached or has said so itself. */
  lost(error: Error): void {
    this.#end(error);
  }

  /**
   * Nobody took message `number`, or one without a number before it: it is over, whoever may come back there. No message leaves any more, so that what was
   * committed after the one before is executed by nobody; the error that ends it says so. The first time counts.
   */
  untaken(number: number | undefined): void {
    if (this.#held) return;
    this.#held = true;
    if (number === undefined || (this.#outgoing.sequence - number) >>> 0 >= REMEMBERED - 1) return;
    // What was committed in the turn of the loop in which the message before left may have left with it.
    this.#undeliveredSince = this.#sentAt[((number - 1) >>> 0) % REMEMBERED];
  }

  #end(error?: Error): void {
    if (this.#over) return;
    this.#over = true;
    if (error !== undefined && this.#undeliveredSince !== undefined)
      Object.assign(error, { undeliveredSince: this.#undeliveredSince });
    this.#error = error;
    this.#grace?.cancel();
    this.#shut?.cancel();
    this.#decoder?.stop();
    this.#watch?.stop();
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
