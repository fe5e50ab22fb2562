import { type Codec, CodecError, type CodecFactory } from "../codec.ts";
import type { Code, RetryAdvice } from "../errors/rpc-error.ts";
import * as wire from "../protocol/frame.ts";
import { FrameAssembler } from "../protocol/frame-assembler.ts";
import { FrameWriter } from "../protocol/frame-writer.ts";
import { type ClientHello, decodeAuth, decodeClientHello } from "../protocol/hello.ts";
import { MAX_METADATA_BYTES } from "../protocol/metadata.ts";
import { codeNumber, encodeOutcome } from "../protocol/outcome.ts";
import type { Runtime, Timer } from "../runtime.ts";
import type { ErrorPayload } from "../session/call-error.ts";
import { slotOf } from "../session/slot-table.ts";
import type { Connection, ConnectionHandler } from "../transport.ts";
import type { Call, ServedService } from "./served-service.ts";
import type { CallOwner } from "./server-call.ts";
import type { ServerLimits } from "./server-limits.ts";
import { TokenBucket } from "./token-bucket.ts";

/** What a session asks of its server. */
export interface SessionHost {
  readonly runtime: Runtime;
  readonly limits: ServerLimits;
  readonly codecs: readonly CodecFactory[];
  /** The service asked for, or why not. */
  find(hello: ClientHello): ServedService | { readonly code: Code; readonly message: string };
  /** True: welcome. */
  authenticate(credentials: string | undefined, peer: string, service: string): boolean | Promise<boolean>;
  accepted(session: ServerSession, frame: wire.Frame): void;
  cancel(session: ServerSession, call: Call, reason: unknown): void;
  chunkEnd(): void;
  /** A peer misbehaved; for the log. */
  complain(session: ServerSession, message: string): void;
  acknowledged(session: ServerSession): void;
  closed(session: ServerSession): void;
}

/** PING, AUTH and other frames that cost us and not them: so many a second are too many. */
const MOST_CONTROLS_A_SECOND = 100;

const EXHAUSTED = codeNumber("RESOURCE_EXHAUSTED");

/** The server's end of a session: frames in and out, and which calls are in flight. */
export class ServerSession implements ConnectionHandler, CallOwner {
  state: "opening" | "open" | "closed" = "opening";
  served: ServedService | undefined;
  /** GOAWAY was sent. */
  leaving = false;
  acknowledged = false;
  /** Calls whose handlers have not ended, cancelled ones included. */
  running = 0;
  claims = 0;
  claimsAt = 0;
  lastRead: number;
  /** Live calls by slot. */
  readonly calls: (Call | undefined)[] = [];
  readonly writer: FrameWriter;
  readonly connection: Connection;
  /** Calls it may make; undefined: any number. */
  readonly rate: TokenBucket | undefined;
  codec: Codec | undefined;
  /** What the client lets us send ahead on a stream, bytes. */
  sendWindow = 0;
  readonly #host: SessionHost;
  readonly #frame = new wire.Frame();
  readonly #assembler: FrameAssembler;
  #helloTimer: Timer | undefined;
  #controls = 0;
  #controlsSince = 0;

  constructor(connection: Connection, host: SessionHost) {
    this.connection = connection;
    this.#host = host;
    this.lastRead = host.runtime.clock.monotonic();
    const perSecond = host.limits.maxCallsPerSecond;
    if (perSecond !== undefined)
      this.rate = new TokenBucket(perSecond, Math.max(1, perSecond), this.lastRead);
    this.writer = new FrameWriter(connection, host.limits.maxMessageBytes);
    this.#assembler = new FrameAssembler(host.limits.maxMessageBytes + MAX_METADATA_BYTES);
    this.#helloTimer = host.runtime.clock.setTimer(host.limits.helloMs, () => {
      host.complain(this, `no HELLO within ${host.limits.helloMs} ms`);
      this.goodbye("DEADLINE_EXCEEDED", `no HELLO within ${host.limits.helloMs} ms`);
    });
    connection.open(this);
  }

  get remote(): string {
    return this.connection.remote;
  }
  get instance(): string {
    return this.served?.instance ?? "";
  }

  // ---- frames in

  frame(bytes: Uint8Array, start: number, end: number): void {
    if (this.state === "closed") return;
    const f = this.#frame;
    try {
      f.read(bytes, start, end);
      if (this.#assembler.complete(f)) this.#handle(f);
    } catch (error) {
      const text =
        error instanceof wire.ProtocolError
          ? error.message
          : `a frame could not be handled: ${String(error)}`;
      this.#host.complain(this, text);
      this.goodbye(
        "INVALID_ARGUMENT",
        error instanceof wire.ProtocolError ? error.message : "protocol error",
      );
    }
  }

  #handle(f: wire.Frame): void {
    if (this.state === "opening" && f.type !== wire.HELLO)
      throw new wire.ProtocolError("a frame came before HELLO");
    switch (f.type) {
      case wire.CALL:
        return this.#host.accepted(this, f);
      case wire.DATA:
        return this.#data(f);
      case wire.CREDIT:
        this.#live(f.stream)?.pump?.addCredit(f.last);
        return;
      case wire.CANCEL: {
        const call = this.#live(f.stream);
        if (call !== undefined) this.#host.cancel(this, call, new Error("the caller cancelled"));
        return;
      }
      case wire.PING:
        this.#control();
        return this.writer.bare(wire.PONG, 0, 0, 0, f.last);
      case wire.PONG:
        return;
      case wire.HELLO:
        return this.#hello(f);
      case wire.AUTH:
        this.#control();
        return this.#authenticate(decodeAuth(f.bytes.subarray(f.start, f.end)), () => {});
      case wire.GOAWAY_ACK:
        this.acknowledged = true;
        return this.#host.acknowledged(this);
      default:
        if (f.type < wire.SKIPPABLE) throw new wire.ProtocolError(`a client sent frame type ${f.type}`);
        this.#control();
    }
  }

  #live(stream: number): Call | undefined {
    const call = this.calls[slotOf(stream)];
    return call !== undefined && call.id === stream ? call : undefined;
  }

  #data(f: wire.Frame): void {
    const call = this.#live(f.stream);
    if (call === undefined) return;
    const stream = call.inStream;
    if (stream === undefined) throw new wire.ProtocolError(`items for ${call.method}, which takes one input`);
    const ends = (f.flags & wire.END) !== 0;
    if (f.start !== f.end || !ends) {
      let item: unknown;
      try {
        item = f.start === f.end ? undefined : (this.codec as Codec).decode(f.bytes, f.start, f.end);
      } catch (error) {
        return this.#undecodable(call, error);
      }
      stream.take(item, (f.flags & wire.BATCH) !== 0, f.end - f.start + wire.HEADER_BYTES);
    }
    if (ends) stream.items.end();
  }

  /** The other calls of the connection are none the worse for it. */
  #undecodable(call: Call, error: unknown): void {
    const text = error instanceof CodecError ? error.message : "unreadable";
    const message = `an item could not be decoded: ${text}`;
    this.error(call.id, "INVALID_ARGUMENT", call.started ? "maybe" : "no", "none", { message });
    this.#host.cancel(this, call, new Error(message));
  }

  #control(): void {
    const now = this.#host.runtime.clock.monotonic();
    if (now - this.#controlsSince > 1000) {
      this.#controlsSince = now;
      this.#controls = 0;
    }
    if (++this.#controls > MOST_CONTROLS_A_SECOND)
      throw new wire.ProtocolError(`more than ${MOST_CONTROLS_A_SECOND} control frames a second`);
  }

  #hello(f: wire.Frame): void {
    if (this.served !== undefined) throw new wire.ProtocolError("a second HELLO");
    const lowest = f.last & 0xffff;
    const highest = f.last >>> 16;
    if (lowest > wire.PROTOCOL_VERSION || highest < wire.PROTOCOL_VERSION)
      return this.goodbye(
        "UNIMPLEMENTED",
        `protocol versions ${lowest} to ${highest} are not spoken here: version ${wire.PROTOCOL_VERSION} is`,
      );
    const hello = decodeClientHello(f.bytes.subarray(f.start, f.end));
    const found = this.#host.find(hello);
    if ("code" in found) return this.goodbye(found.code, found.message);
    const factory = hello.codecs
      .map((type) => this.#host.codecs.find((c) => c.contentType === type))
      .find((c) => c !== undefined);
    if (factory === undefined)
      return this.goodbye("UNIMPLEMENTED", `none of the codecs ${hello.codecs.join(", ")} is spoken here`);
    this.served = found;
    this.#authenticate(hello.credentials, () => this.#welcome(hello, factory, found));
  }

  /** Calls `welcome` at once where the answer is at hand. */
  #authenticate(credentials: string | undefined, welcome: () => void): void {
    const decide = (ok: boolean): void => {
      if (this.state === "closed") return;
      if (ok) welcome();
      else this.goodbye("UNAUTHENTICATED", "the credentials were refused");
    };
    const answer = this.#host.authenticate(credentials, this.remote, this.served?.definition.name ?? "");
    if (typeof answer === "boolean") decide(answer);
    else answer.then(decide, () => decide(false));
  }

  #welcome(hello: ClientHello, factory: CodecFactory, served: ServedService): void {
    const { limits } = this.#host;
    this.#helloTimer?.cancel();
    this.#helloTimer = undefined;
    this.codec = this.writer.codec = factory.create(limits);
    this.writer.maxMessageBytes = Math.min(limits.maxMessageBytes, hello.maxMessageBytes);
    this.sendWindow = hello.streamWindowBytes;
    this.state = "open";
    this.writer.json(wire.HELLO, 0, wire.PROTOCOL_VERSION | (wire.PROTOCOL_VERSION << 16), {
      service: served.definition.name,
      version: served.definition.version,
      instance: served.instance,
      codec: factory.contentType,
      maxMessageBytes: limits.maxMessageBytes,
      maxCalls: limits.maxCalls,
      streamWindowBytes: limits.streamWindowBytes,
      endpoints: served.rows,
    });
    if (served.draining) this.goaway();
    this.connection.flush();
  }

  chunkEnd(): void {
    this.lastRead = this.#host.runtime.clock.monotonic();
    this.#host.chunkEnd();
  }

  // ---- frames out

  /** RESULT. Throws when the value can't be encoded. */
  result(call: Call, value: unknown, load: number): void {
    this.writer.value(wire.RESULT, 0, call.id, 0, load, value);
  }

  /** DATA; returns its bytes. Throws when an item can't be encoded. */
  items(call: Call, items: readonly unknown[]): number {
    return items.length === 1
      ? this.writer.value(wire.DATA, 0, call.id, 0, 0, items[0])
      : this.writer.value(wire.DATA, wire.BATCH, call.id, 0, 0, items);
  }

  /** ERROR. Details that can't be encoded are left out, and so are words that are too long. Never throws. */
  error(
    stream: number,
    code: Code,
    executed: "no" | "maybe" | "yes",
    retry: RetryAdvice,
    payload: ErrorPayload | undefined,
  ): void {
    const outcome = encodeOutcome(executed, retry);
    const number = codeNumber(code);
    try {
      this.writer.value(wire.ERROR, 0, stream, number, outcome, payload);
      return;
    } catch {
      // The details, most often: the words may do.
    }
    try {
      const { message, type, id } = payload ?? {};
      this.writer.value(wire.ERROR, 0, stream, number, outcome, { message, type, id });
    } catch {
      // Longer than the client takes: the outcome goes without words.
      this.writer.bare(wire.ERROR, 0, stream, number, outcome);
    }
  }

  /**
   * ERROR for a call that was not begun, and may be tried again after so many ms. Without words, which the client has: an overloaded server tells
   * this thousands of times a second.
   */
  overloaded(stream: number, againMs: number): void {
    this.writer.bare(wire.ERROR, 0, stream, EXHAUSTED, encodeOutcome("no", againMs));
  }

  /** No new calls, please. */
  goaway(): void {
    if (this.leaving || this.state !== "open") return;
    this.leaving = true;
    this.writer.json(wire.GOAWAY, 0, 0, { code: "UNAVAILABLE", message: "the instance is draining" });
    this.connection.flush();
  }

  /** Says why, then closes. */
  goodbye(code: Code, message: string): void {
    if (this.state === "closed") return;
    this.writer.json(wire.GOAWAY, wire.END, 0, { code, message });
    this.end();
  }

  /** Sends what waits, then closes. */
  end(): void {
    this.connection.close();
    this.#over();
  }

  destroy(): void {
    this.connection.destroy();
    this.#over();
  }

  closed(): void {
    this.#over();
  }

  #over(): void {
    if (this.state === "closed") return;
    this.state = "closed";
    this.#helloTimer?.cancel();
    const gone = new Error("the caller's connection closed");
    for (const call of this.calls) if (call !== undefined) this.#host.cancel(this, call, gone);
    this.#host.closed(this);
  }
}
