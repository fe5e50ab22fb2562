import type { Socket } from "node:net";
import { type ForeignSessionOptions, RpcError, type Timer } from "@skein/core";
import {
  AssumedEndpoints,
  assumedUnary,
  type ClientSession,
  type OutgoingCall,
  SessionWatch,
  tooLate,
  unavailable,
  withExecuted,
} from "@skein/core/internal";
import { dialServer, type JsonrpcTlsOptions, serverAddress } from "./dial.ts";
import { MessageScanner, ScanError } from "./message-scanner.ts";
import { readAnswer, requestText } from "./messages.ts";

/** net/rpc has no ping: any server answers that it does not know this, which says that it lives. */
const PING = "Skein.Ping";
const MAX_CALLS = 1000;
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
const MAX_DEPTH = 66;
const MAX_UNSENT_BYTES = 16 * 1024 * 1024;

export interface JsonrpcSessionOptions extends ForeignSessionOptions {
  /** `Arith.Multiply` for an endpoint. */
  readonly goName: (method: string) => string;
  /** Undefined: TLS where the address asks for it. */
  readonly tls?: JsonrpcTlsOptions | undefined;
}

/** Calls to one net/rpc server over one connection, as many at once as there are, answered in any order. */
export class JsonrpcSession implements ClientSession {
  state: ClientSession["state"] = "opening";
  readonly instance = "";
  readonly version = "";
  readonly endpoints = new AssumedEndpoints(assumedUnary);
  readonly #o: JsonrpcSessionOptions;
  readonly #remote: string;
  readonly #socket: Socket;
  readonly #scanner: MessageScanner;
  /** From ready on. */
  #watch: SessionWatch | undefined;
  readonly #opening: Timer;
  /** Sent, by id. */
  readonly #calls = new Map<number, OutgoingCall>();
  readonly #waiting = new Set<OutgoingCall>();
  readonly #maxCalls: number;
  #lastId = 0;

  constructor(options: JsonrpcSessionOptions) {
    const { runtime, address, limits, connectTimeoutMs } = options;
    this.#o = options;
    this.#maxCalls = limits?.maxCalls ?? MAX_CALLS;
    const server = serverAddress(address.url);
    this.#remote = `${server.host}:${server.port}`;
    this.#scanner = new MessageScanner(
      { maxBytes: limits?.maxMessageBytes ?? MAX_MESSAGE_BYTES, maxDepth: limits?.maxDepth ?? MAX_DEPTH },
      (text) => this.#answer(text),
    );
    this.#socket = dialServer(server, options.tls, () => this.#ready());
    this.#opening = runtime.clock.setTimer(connectTimeoutMs, () =>
      this.#die(unavailable(`no connection to ${this.#remote} within ${connectTimeoutMs} ms`)),
    );
    this.#socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#socket.on("error", (error) => this.#lost(`was lost: ${error.message}`, error));
    this.#socket.on("end", () => this.#lost("was closed by the peer"));
    this.#socket.on("close", () => this.#lost("was closed by the peer"));
  }

  get pending(): number {
    return this.#calls.size + this.#waiting.size;
  }

  #ready(): void {
    if (this.state !== "opening") return;
    this.state = "open";
    this.#opening.cancel();
    const { runtime, liveness, events } = this.#o;
    this.#watch = new SessionWatch({
      runtime,
      liveness,
      pending: () => this.pending,
      bytesRead: () => this.#socket.bytesRead,
      expire: (now) => this.#expire(now),
      ping: () => this.#socket.write(requestText(0, PING, undefined)),
      suspect: (suspected) => events.suspect(suspected),
      dead: () => this.#die(unavailable(`${this.#remote} was silent for too long`, "maybe")),
    });
    this.#watch.arm();
    events.ready();
  }

  // ---- calls

  start(call: OutgoingCall): void {
    if (this.state !== "open")
      return call.fail(unavailable(`the connection to ${this.#remote} is ${this.state}`, "no", "elsewhere"));
    if (this.#calls.size < this.#maxCalls) return this.#send(call);
    this.#waiting.add(call);
  }

  #send(call: OutgoingCall): void {
    const now = this.#o.runtime.clock.monotonic();
    const fault = call.expiresAt <= now ? tooLate("no") : this.#full();
    if (fault !== undefined) return call.fail(fault);
    const id = ++this.#lastId;
    let text: string;
    try {
      text = requestText(id, this.#o.goName(call.endpoint.name), call.input);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return call.fail(
        new RpcError("INVALID_ARGUMENT", `the input cannot be JSON: ${why}`, {
          executed: "no",
          cause: error,
        }),
      );
    }
    call.id = id;
    this.#calls.set(id, call);
    this.#socket.write(text);
    if (this.#calls.size === 1) this.#watch?.expecting(now);
    this.#watch?.arm();
  }

  #full(): RpcError | undefined {
    const most = this.#o.limits?.maxUnsentBytes ?? MAX_UNSENT_BYTES;
    if (this.#socket.writableLength <= most) return undefined;
    return new RpcError("RESOURCE_EXHAUSTED", `more than ${most} bytes wait to be sent to ${this.#remote}`, {
      executed: "no",
      retry: "elsewhere",
    });
  }

  /** The protocol has no cancellation: the server goes on, and its answer is dropped. */
  cancel(call: OutgoingCall): void {
    if (this.#waiting.delete(call) || this.#calls.get(call.id) !== call) return;
    this.#calls.delete(call.id);
    this.#next();
  }

  each(visit: (call: OutgoingCall) => void): void {
    for (const call of [...this.#calls.values()]) visit(call);
  }

  eachWaiting(visit: (call: OutgoingCall) => void): void {
    for (const call of [...this.#waiting]) visit(call);
  }

  /** The protocol carries none. */
  authenticate(): void {}

  #next(): void {
    for (const call of this.#waiting) {
      if (this.#calls.size >= this.#maxCalls || this.state !== "open") break;
      this.#waiting.delete(call);
      this.#send(call);
    }
    if (this.state === "draining" && this.pending === 0) this.#die(unavailable("drained"));
  }

  // ---- answers

  #read(chunk: Buffer): void {
    if (this.state === "closed") return;
    try {
      this.#scanner.push(chunk);
    } catch (error) {
      const why = error instanceof ScanError ? error.message : "an answer could not be handled";
      return this.#die(unavailable(`${this.#remote} broke the protocol: ${why}`, "maybe", "none", error));
    }
  }

  #answer(text: string): void {
    if (this.state === "closed") return;
    const { id, value, error } = readAnswer(text);
    const call = this.#calls.get(id);
    if (call === undefined) return;
    this.#calls.delete(id);
    if (error === undefined) call.finish(value, 0);
    else call.fail(error);
    if (this.#waiting.size > 0 || this.state === "draining") this.#next();
  }

  // ---- time

  /** Ends what is late. True: a call in flight has time left. */
  #expire(now: number): boolean {
    for (const [id, call] of this.#calls) {
      if (call.expiresAt > now) continue;
      this.#calls.delete(id);
      call.fail(tooLate("maybe"));
    }
    for (const call of this.#waiting) {
      if (call.expiresAt > now) continue;
      this.#waiting.delete(call);
      call.fail(tooLate("no"));
    }
    this.#next();
    return this.#calls.size > 0;
  }

  // ---- the end

  drain(): void {
    if (this.state === "opening") return this.close();
    if (this.state !== "open") return;
    this.state = "draining";
    this.#o.events.draining();
    this.#giveBack(unavailable("the instance is draining", "no", "elsewhere"));
    if (this.pending === 0) this.#o.runtime.defer(() => this.#next());
  }

  close(): void {
    this.#die(new RpcError("CANCELLED", "the client was closed", { executed: "maybe" }));
  }

  #lost(how: string, cause?: Error): void {
    this.#die(unavailable(`the connection to ${this.#remote} ${how}`, "maybe", "none", cause));
  }

  #giveBack(error: RpcError): void {
    for (const call of this.#waiting) {
      this.#waiting.delete(call);
      call.fail(error);
    }
  }

  #die(error: RpcError): void {
    if (this.state === "closed") return;
    this.state = "closed";
    this.#opening.cancel();
    this.#watch?.end();
    this.#socket.destroy();
    for (const [id, call] of this.#calls) {
      this.#calls.delete(id);
      call.fail(error);
    }
    this.#giveBack(withExecuted(error, "no"));
    this.#o.events.closed(error);
  }
}
