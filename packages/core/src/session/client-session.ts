import { RpcError } from "../errors/rpc-error.ts";
import * as wire from "../protocol/frame.ts";
import { FrameAssembler } from "../protocol/frame-assembler.ts";
import { FrameWriter } from "../protocol/frame-writer.ts";
import { decodeGoodbye, decodeServerHello } from "../protocol/hello.ts";
import { MAX_METADATA_BYTES } from "../protocol/metadata.ts";
import type { Timer } from "../runtime.ts";
import type { ConnectionHandler } from "../transport.ts";
import { ClientCalls, type ClientCallsHost } from "./client-calls.ts";
import { clientHello, otherThanAsked } from "./client-hello.ts";
import type { ClientSession, ClientSessionOptions, SessionLimits } from "./client-session-types.ts";
import { resolveLimits, resolveLiveness } from "./limits.ts";
import { Liveness } from "./liveness.ts";
import type { OutgoingCall, RemoteEndpoint } from "./outgoing-call.ts";
import { unavailable, undeliveredSince, withExecuted } from "./session-errors.ts";
import { Ticker } from "./ticker.ts";

const NO_ENDPOINTS: ReadonlyMap<string, RemoteEndpoint> = new Map();

/** Opens a session on a fresh connection: HELLO is sent at once, `events` tell the rest. */
export function createClientSession(options: ClientSessionOptions): ClientSession {
  return new Session(options);
}

/** The life of a session: HELLO, the peer's silence, GOAWAY, the end. Its calls are ClientCalls' business. */
class Session implements ClientSession, ConnectionHandler, ClientCallsHost {
  state: ClientSession["state"] = "opening";
  instance = "";
  version = "";
  endpoints: ReadonlyMap<string, RemoteEndpoint> = NO_ENDPOINTS;
  readonly #o: ClientSessionOptions;
  readonly #limits: SessionLimits;
  readonly #writer: FrameWriter;
  readonly #frame = new wire.Frame();
  readonly #assembler: FrameAssembler;
  readonly #calls: ClientCalls;
  readonly #liveness: Liveness;
  readonly #ticker: Ticker;
  readonly #helloTimer: Timer;

  constructor(options: ClientSessionOptions) {
    const { runtime, connection } = options;
    const limits = resolveLimits(options.limits);
    this.#o = options;
    this.#limits = limits;
    this.#liveness = new Liveness(resolveLiveness(options.liveness), runtime.clock.monotonic());
    this.#assembler = new FrameAssembler(limits.maxMessageBytes + MAX_METADATA_BYTES);
    this.#writer = new FrameWriter(connection, limits.maxMessageBytes);
    this.#calls = new ClientCalls(this, { runtime, writer: this.#writer, limits });
    this.#ticker = new Ticker({
      runtime,
      busy: () => this.pending > 0,
      restMs: (now) => this.#liveness.nextLookMs(now),
      stoodStill: (ms) => this.#liveness.excuse(ms),
      look: () => this.#look(),
    });
    this.#helloTimer = runtime.clock.setTimer(limits.helloMs, () =>
      this.#die(unavailable(`no HELLO from ${connection.remote} within ${limits.helloMs} ms`)),
    );
    connection.open(this);
    const versions = wire.PROTOCOL_VERSION | (wire.PROTOCOL_VERSION << 16);
    this.#writer.json(wire.HELLO, 0, versions, clientHello(options, limits));
    connection.flush();
  }

  get pending(): number {
    return this.#calls.pending;
  }

  // ---- asked for by the client

  start(call: OutgoingCall): void {
    if (this.state === "open") return this.#calls.start(call);
    const text = `the connection to ${this.#o.connection.remote} is ${this.state}`;
    call.fail(unavailable(text, "no", "elsewhere"));
  }

  cancel(call: OutgoingCall): void {
    this.#calls.cancel(call);
  }

  each(visit: (call: OutgoingCall) => void): void {
    this.#calls.each(visit);
  }

  eachWaiting(visit: (call: OutgoingCall) => void): void {
    this.#calls.eachWaiting(visit);
  }

  authenticate(credentials: string): void {
    if (this.state === "open") this.#writer.json(wire.AUTH, 0, 0, { credentials });
  }

  drain(): void {
    if (this.state === "opening") return this.close();
    if (this.state !== "open") return;
    this.state = "draining";
    this.#o.events.draining();
    this.#calls.failWaiting(unavailable("the instance is draining", "no", "elsewhere"));
    if (this.pending === 0) this.#o.runtime.defer(() => this.#calls.next());
  }

  close(): void {
    this.#die(new RpcError("CANCELLED", "the client was closed", { executed: "maybe" }), true);
  }

  // ---- told by its calls

  busy(now: number): void {
    this.#liveness.expecting(now);
    this.#ticker.arm();
  }

  drained(): void {
    this.#die(unavailable("drained"), true);
  }

  // ---- told by the connection

  frame(bytes: Uint8Array, start: number, end: number): void {
    if (this.state === "closed") return;
    const f = this.#frame;
    try {
      f.read(bytes, start, end);
      if (this.#assembler.complete(f)) this.#handle(f);
    } catch (error) {
      this.#protocolError(error);
    }
  }

  #handle(f: wire.Frame): void {
    switch (f.type) {
      case wire.RESULT:
        return this.#calls.result(f);
      case wire.ERROR:
        return this.#calls.error(f);
      case wire.DATA:
        return this.#calls.data(f);
      case wire.CREDIT:
        return this.#calls.credit(f);
      case wire.PONG:
        return;
      case wire.PING:
        return this.#writer.bare(wire.PONG, 0, 0, 0, f.last);
      case wire.HELLO:
        return this.#hello(f);
      case wire.GOAWAY:
        return this.#goaway(f);
      default:
        if (f.type < wire.SKIPPABLE) throw new wire.ProtocolError(`a server sent frame type ${f.type}`);
    }
  }

  #hello(f: wire.Frame): void {
    if (this.state !== "opening") throw new wire.ProtocolError("a second HELLO");
    const hello = decodeServerHello(f.bytes.subarray(f.start, f.end));
    const other = otherThanAsked(hello, this.#o);
    if (other !== undefined) return this.#die(unavailable(other));
    const codec = this.#o.codecs.find((c) => c.contentType === hello.codec);
    if (codec === undefined)
      throw new wire.ProtocolError(`HELLO chose codec ${hello.codec}, which was not offered`);
    const limits = this.#limits;
    this.#writer.codec = codec.create(limits);
    this.#writer.maxMessageBytes = Math.min(limits.maxMessageBytes, hello.maxMessageBytes);
    this.#calls.open(Math.min(limits.maxCalls, hello.maxCalls), hello.streamWindowBytes);
    this.instance = hello.instance;
    this.version = hello.version;
    this.endpoints = new Map(hello.endpoints.map((row) => [row.name, { ...row, timeoutMs: row.timeoutMs }]));
    this.state = "open";
    this.#helloTimer.cancel();
    this.#ticker.arm();
    this.#o.events.ready();
  }

  #goaway(f: wire.Frame): void {
    const goodbye = decodeGoodbye(f.bytes.subarray(f.start, f.end));
    if ((f.flags & wire.END) !== 0)
      return this.#die(
        new RpcError(goodbye.code as RpcError["code"], goodbye.message, {
          executed: "no",
          retry: "elsewhere",
        }),
      );
    this.#writer.bare(wire.GOAWAY_ACK, 0, 0, 0, 0);
    if (this.state === "open") this.drain();
  }

  chunkEnd(): void {
    if (this.state === "closed") return;
    const cleared = this.#liveness.heard(this.#o.runtime.clock.monotonic());
    if (cleared) this.#o.events.suspect(false);
  }

  closed(error?: Error): void {
    const why = error === undefined ? "was closed by the peer" : `was lost: ${error.message}`;
    this.#die(unavailable(`the connection to ${this.#o.connection.remote} ${why}`, "maybe", "none", error));
  }

  // ---- told by its ticker

  #look(): void {
    const now = this.#o.runtime.clock.fresh();
    const next = this.#calls.expire(now);
    const verdict = this.#liveness.judge(now, this.pending > 0, next !== undefined);
    if (verdict === "dead") return this.#giveUp();
    if (verdict === "ping") this.#writer.bare(wire.PING, 0, 0, 0, 0);
    if (verdict === "suspect") this.#o.events.suspect(true);
    this.#calls.next();
    this.#ticker.arm(next === undefined ? undefined : next - now);
  }

  /** What it reads when it comes back begins with our calls: it shall not execute those that nobody waits for. */
  #giveUp(): void {
    this.#calls.sendCancels();
    this.#die(unavailable(`${this.#o.connection.remote} was silent for too long`, "maybe"), true);
  }

  // ---- the end

  #protocolError(error: unknown): void {
    const text = error instanceof wire.ProtocolError ? error.message : "a frame could not be handled";
    this.#die(
      unavailable(`${this.#o.connection.remote} broke the protocol: ${text}`, "maybe", "none", error),
    );
  }

  #die(error: RpcError, orderly = false): void {
    if (this.state === "closed") return;
    const opening = this.state === "opening";
    this.state = "closed";
    this.#helloTimer.cancel();
    this.#ticker.stop();
    if (orderly) this.#o.connection.close();
    else this.#o.connection.destroy();
    this.#calls.failSent(opening ? error : withExecuted(error, "maybe"), undeliveredSince(error));
    this.#calls.failWaiting(withExecuted(error, "no"));
    this.#o.events.closed(error);
  }
}
