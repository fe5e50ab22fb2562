import type { Codec } from "../codec.ts";
import { RpcError } from "../errors/rpc-error.ts";
import * as wire from "../protocol/frame.ts";
import { FrameAssembler } from "../protocol/frame-assembler.ts";
import { FrameWriter } from "../protocol/frame-writer.ts";
import { decodeGoodbye, decodeServerHello } from "../protocol/hello.ts";
import { encodeMetadata, MAX_METADATA_BYTES, payloadStart } from "../protocol/metadata.ts";
import type { Timer } from "../runtime.ts";
import type { ConnectionHandler } from "../transport.ts";
import { readError } from "./call-error.ts";
import { CallQueue } from "./call-queue.ts";
import { clientHello, otherThanAsked } from "./client-hello.ts";
import type {
  ClientSession,
  ClientSessionOptions,
  LivenessOptions,
  SessionLimits,
} from "./client-session-types.ts";
import { ClientStreams } from "./client-streams.ts";
import { resolveLimits, resolveLiveness } from "./limits.ts";
import { Liveness } from "./liveness.ts";
import type { OutgoingCall, RemoteEndpoint } from "./outgoing-call.ts";
import { tooLate, unavailable, undecodable, unsendable, withExecuted } from "./session-errors.ts";
import { SlotTable } from "./slot-table.ts";

/** How often deadlines and silence are looked at while calls are in flight. */
const TICK_MS = 16;
/** A tick that comes so much too late means that our own loop stood still. */
const BLOCKED_MS = 200;

const NO_ENDPOINTS: ReadonlyMap<string, RemoteEndpoint> = new Map();

/** Opens a session on a fresh connection: HELLO is sent at once, `events` tell the rest. */
export function createClientSession(options: ClientSessionOptions): ClientSession {
  return new Session(options);
}

class Session implements ClientSession, ConnectionHandler {
  state: ClientSession["state"] = "opening";
  instance = "";
  version = "";
  endpoints: ReadonlyMap<string, RemoteEndpoint> = NO_ENDPOINTS;
  readonly #o: ClientSessionOptions;
  readonly #limits: SessionLimits;
  readonly #livenessOptions: LivenessOptions;
  readonly #writer: FrameWriter;
  readonly #frame = new wire.Frame();
  readonly #assembler: FrameAssembler;
  readonly #calls = new SlotTable<OutgoingCall>();
  readonly #waiting = new CallQueue();
  readonly #streams: ClientStreams;
  readonly #liveness: Liveness;
  #codec: Codec | undefined;
  #maxCalls = 0;
  #timer: Timer | undefined;
  #ticking = false;
  #lastTick = 0;
  readonly #onTick = (): void => this.#tick();
  readonly #onLook = (): void => this.#look();

  constructor(options: ClientSessionOptions) {
    this.#o = options;
    this.#limits = resolveLimits(options.limits);
    this.#livenessOptions = resolveLiveness(options.liveness);
    this.#assembler = new FrameAssembler(this.#limits.maxMessageBytes + MAX_METADATA_BYTES);
    this.#writer = new FrameWriter(options.connection, this.#limits.maxMessageBytes);
    this.#streams = new ClientStreams({
      runtime: options.runtime,
      writer: this.#writer,
      windowBytes: this.#limits.streamWindowBytes,
      live: (call, id) => this.#calls.get(id) === call,
      cancel: (call) => this.cancel(call),
    });
    this.#liveness = new Liveness(this.#livenessOptions, options.runtime.clock.monotonic());
    this.#timer = options.runtime.clock.setTimer(this.#limits.helloMs, () =>
      this.#die(unavailable(`no HELLO from ${options.connection.remote} within ${this.#limits.helloMs} ms`)),
    );
    options.connection.open(this);
    const versions = wire.PROTOCOL_VERSION | (wire.PROTOCOL_VERSION << 16);
    this.#writer.json(wire.HELLO, 0, versions, clientHello(options, this.#limits));
    options.connection.flush();
  }

  get suspected(): boolean {
    return this.#liveness.suspected;
  }

  get pending(): number {
    return this.#calls.size + this.#waiting.size;
  }

  // ---- calls

  start(call: OutgoingCall): void {
    if (this.state !== "open") {
      call.fail(
        unavailable(`the connection to ${this.#o.connection.remote} is ${this.state}`, "no", "elsewhere"),
      );
      return;
    }
    if (this.#calls.size >= this.#maxCalls) {
      this.#waiting.push(call);
      this.#arm();
      return;
    }
    this.#send(call);
  }

  #send(call: OutgoingCall): void {
    const { endpoint } = call;
    const now = this.#o.runtime.clock.monotonic();
    const timeLeft = call.expiresAt - now;
    if (timeLeft <= 0) {
      call.fail(
        new RpcError("DEADLINE_EXCEEDED", "the time was up before the call was sent", { executed: "no" }),
      );
      return;
    }
    if (this.#writer.congested && this.#o.connection.bufferedBytes > this.#limits.maxUnsentBytes) {
      call.fail(
        new RpcError(
          "RESOURCE_EXHAUSTED",
          `more than ${this.#limits.maxUnsentBytes} bytes wait to be sent to ${this.#o.connection.remote}`,
          {
            executed: "no",
            retry: "elsewhere",
          },
        ),
      );
      return;
    }
    const id = this.#calls.add(call);
    call.id = id;
    const streaming = endpoint.kind === "client-stream" || endpoint.kind === "bidi-stream";
    const flags = (streaming ? 0 : wire.END) | (call.attempt > 0 ? wire.RETRY : 0);
    const left = wire.encodeTimeLeft(timeLeft);
    try {
      const metadata = call.metadata === undefined ? undefined : encodeMetadata(call.metadata);
      this.#writer.value(
        wire.CALL,
        flags,
        id,
        endpoint.id,
        left,
        streaming ? undefined : call.input,
        metadata,
      );
    } catch (error) {
      this.#calls.take(id);
      call.fail(unsendable(error));
      return;
    }
    if (this.#calls.size === 1) this.#liveness.expecting(now);
    if (!this.#ticking) this.#arm();
    if (call.items !== undefined || streaming) this.#streams.open(call, id, streaming);
  }

  cancel(call: OutgoingCall): void {
    if (this.#waiting.remove(call)) return;
    if (call.id === 0 || this.#calls.get(call.id) !== call) return;
    this.#take(call.id);
    if (this.state !== "closed") this.#writer.bare(wire.CANCEL, 0, call.id, 0, 0);
    this.#next();
  }

  each(visit: (call: OutgoingCall) => void): void {
    this.#calls.forEach(visit);
  }

  eachWaiting(visit: (call: OutgoingCall) => void): void {
    for (const call of this.#waiting.all()) visit(call);
  }

  authenticate(credentials: string): void {
    if (this.state === "open") this.#writer.json(wire.AUTH, 0, 0, { credentials });
  }

  /** The call is over for the session: its streams go. */
  #take(id: number): OutgoingCall | undefined {
    const call = this.#calls.take(id);
    if (call === undefined) return undefined;
    if (this.#streams.size > 0) this.#streams.close(id);
    return call;
  }

  /** A slot is free, or the last call has gone. */
  #next(): void {
    while (this.#waiting.size > 0 && this.#calls.size < this.#maxCalls && this.state === "open")
      this.#send(this.#waiting.shift() as OutgoingCall);
    if (this.state === "draining" && this.pending === 0) this.#die(unavailable("drained"), true);
  }

  // ---- frames

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
        return this.#result(f);
      case wire.ERROR:
        return this.#error(f);
      case wire.DATA:
        return this.#data(f);
      case wire.CREDIT:
        this.#streams.addCredit(f.stream, f.last);
        return;
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

  #result(f: wire.Frame): void {
    const call = this.#calls.get(f.stream);
    if (call === undefined) return;
    // Read before the call is taken: what breaks the protocol ends every call that is still there.
    const start = payloadStart(f);
    this.#take(f.stream);
    call.items?.end();
    if (start === f.end) {
      call.finish(undefined, f.last);
    } else {
      let value: unknown;
      try {
        value = (this.#codec as Codec).decode(f.bytes, start, f.end);
      } catch (error) {
        call.fail(undecodable(error));
        return this.#next();
      }
      call.finish(value, f.last);
    }
    if (this.#waiting.size > 0 || this.state === "draining") this.#next();
  }

  #error(f: wire.Frame): void {
    const call = this.#calls.get(f.stream);
    if (call === undefined) return;
    const error = readError(f, this.#codec);
    this.#take(f.stream);
    call.fail(error);
    this.#next();
  }

  #data(f: wire.Frame): void {
    const call = this.#calls.get(f.stream);
    if (call === undefined) return;
    let value: unknown;
    try {
      value = f.start === f.end ? undefined : (this.#codec as Codec).decode(f.bytes, f.start, f.end);
    } catch (error) {
      this.cancel(call);
      call.fail(undecodable(error));
      return;
    }
    this.#streams.take(call, value, f);
  }

  #hello(f: wire.Frame): void {
    if (this.state !== "opening") throw new wire.ProtocolError("a second HELLO");
    const hello = decodeServerHello(f.bytes.subarray(f.start, f.end));
    const other = otherThanAsked(hello, this.#o);
    if (other !== undefined) return this.#die(unavailable(other));
    const codec = this.#o.codecs.find((c) => c.contentType === hello.codec);
    if (codec === undefined)
      throw new wire.ProtocolError(`HELLO chose codec ${hello.codec}, which was not offered`);
    this.#codec = this.#writer.codec = codec.create(this.#limits);
    this.#writer.maxMessageBytes = Math.min(this.#limits.maxMessageBytes, hello.maxMessageBytes);
    this.#maxCalls = Math.min(this.#limits.maxCalls, hello.maxCalls);
    this.#streams.sendWindow = hello.streamWindowBytes;
    this.instance = hello.instance;
    this.version = hello.version;
    this.endpoints = new Map(hello.endpoints.map((row) => [row.name, { ...row, timeoutMs: row.timeoutMs }]));
    this.state = "open";
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#arm();
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

  drain(): void {
    if (this.state === "opening") return this.close();
    if (this.state !== "open") return;
    this.state = "draining";
    this.#o.events.draining();
    for (let call = this.#waiting.shift(); call !== undefined; call = this.#waiting.shift())
      call.fail(unavailable("the instance is draining", "no", "elsewhere"));
    if (this.pending === 0) this.#o.runtime.defer(() => this.#next());
  }

  chunkEnd(): void {
    if (this.state === "closed") return;
    const cleared = this.#liveness.heard(this.#o.runtime.clock.monotonic());
    if (cleared) this.#o.events.suspect(false);
  }

  // ---- time

  #arm(): void {
    if (this.state === "closed" || this.#ticking) return;
    const { clock } = this.#o.runtime;
    this.#timer?.cancel();
    if (this.pending > 0) {
      this.#ticking = true;
      this.#lastTick = clock.monotonic();
      this.#timer = clock.setTimer(TICK_MS, this.#onTick);
    } else this.#timer = clock.setTimer(this.#liveness.nextLookMs(clock.monotonic()), this.#onLook);
  }

  #tick(): void {
    const late = this.#o.runtime.clock.fresh() - this.#lastTick - TICK_MS;
    if (late < BLOCKED_MS) return this.#look();
    // Our loop stood still: what came meanwhile waits in the socket, and is read before anybody is judged.
    this.#liveness.excuse(late);
    this.#o.runtime.yieldToIo(this.#onLook);
  }

  #look(): void {
    if (this.state === "closed") return;
    this.#ticking = false;
    const now = this.#o.runtime.clock.fresh();
    let hopeful = false;
    this.#calls.forEach((call) => {
      if (call.expiresAt <= now) this.#expire(call);
      else hopeful = true;
    });
    if (this.#waiting.size > 0) for (const call of this.#waiting.expired(now)) call.fail(tooLate("no"));
    const verdict = this.#liveness.judge(now, this.pending > 0, hopeful);
    if (verdict === "dead") return this.#giveUp();
    if (verdict === "ping") this.#writer.bare(wire.PING, 0, 0, 0, 0);
    if (verdict === "suspect") this.#o.events.suspect(true);
    this.#next();
    this.#arm();
  }

  /** What it reads when it comes back begins with our calls: it shall not execute those that nobody waits for. */
  #giveUp(): void {
    this.#calls.forEach((call) => void this.#writer.bare(wire.CANCEL, 0, call.id, 0, 0));
    this.#die(unavailable(`${this.#o.connection.remote} was silent for too long`, "maybe"), true);
  }

  #expire(call: OutgoingCall): void {
    this.#take(call.id);
    this.#writer.bare(wire.CANCEL, 0, call.id, 0, 0);
    call.fail(tooLate("maybe"));
  }

  // ---- the end

  #protocolError(error: unknown): void {
    const text = error instanceof wire.ProtocolError ? error.message : "a frame could not be handled";
    this.#die(
      unavailable(`${this.#o.connection.remote} broke the protocol: ${text}`, "maybe", "none", error),
    );
  }

  closed(error?: Error): void {
    const why = error === undefined ? "was closed by the peer" : `was lost: ${error.message}`;
    this.#die(unavailable(`the connection to ${this.#o.connection.remote} ${why}`, "maybe", "none", error));
  }

  close(): void {
    this.#die(new RpcError("CANCELLED", "the client was closed", { executed: "maybe" }), true);
  }

  #die(error: RpcError, orderly = false): void {
    if (this.state === "closed") return;
    const opening = this.state === "opening";
    this.state = "closed";
    this.#timer?.cancel();
    if (orderly) this.#o.connection.close();
    else this.#o.connection.destroy();
    const lost = opening ? error : withExecuted(error, "maybe");
    this.#calls.forEach((call) => {
      this.#take(call.id);
      call.fail(lost);
    });
    for (let call = this.#waiting.shift(); call !== undefined; call = this.#waiting.shift())
      call.fail(withExecuted(error, "no"));
    this.#o.events.closed(error);
  }
}
