import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import type { Socket } from "node:net";
import { type Code, type ForeignSessionOptions, RpcError, type Timer } from "@skein/core";
import {
  AssumedEndpoints,
  authorizationOf,
  type ClientSession,
  type OutgoingCall,
  SessionWatch,
  tooLate,
  unavailable,
  withExecuted,
} from "@skein/core/internal";
import { addMetadata } from "../headers.ts";
import { formatTimeout } from "../timeout.ts";
import { CallStream, type CallStreamPort } from "./call-stream.ts";
import type { GrpcDialect, GrpcMethod, GrpcStatus } from "./dialect.ts";
import { broken, unsendable } from "./faults.ts";
import { dialPeer, type GrpcTlsOptions, type PeerAddress, peerAddress } from "./peer-address.ts";
import { readStatus } from "./status-error.ts";

const MAX_CALLS = 1000;
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
const MAX_UNSENT_BYTES = 16 * 1024 * 1024;
const STREAM_WINDOW_BYTES = 256 * 1024;
/** What all streams together may have under way, bytes. */
const CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024;
/** Node's limit for the memory of one connection, megabytes: its own of 10 refuses what our windows allow. */
const MEGABYTES = 64;
/** Ids end at 2^31: a connection whose calls come near is left for another. */
const LAST_ID = 2 ** 31 - 2 ** 17;

export interface GrpcSessionOptions extends ForeignSessionOptions {
  readonly dialect: GrpcDialect;
  /** Without, TLS is spoken where the address asks for it. */
  readonly tls?: GrpcTlsOptions | undefined;
}

/**
 * Connects to a gRPC server: one HTTP/2 connection. It is ready once the server has sent its SETTINGS: one that accepts and is mute is not.
 * @throws Error for an address that cannot be dialled
 */
export function createGrpcSession(options: GrpcSessionOptions): ClientSession {
  return new GrpcSession(options);
}

class GrpcSession implements ClientSession {
  state: ClientSession["state"] = "opening";
  readonly instance = "";
  readonly version = "";
  readonly endpoints: AssumedEndpoints;
  readonly #o: GrpcSessionOptions;
  readonly #address: PeerAddress;
  readonly #socket: Socket;
  readonly #http2: ClientHttp2Session;
  readonly #watch: SessionWatch;
  readonly #port: CallStreamPort;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #methods = new Map<string, GrpcMethod>();
  readonly #calls = new Map<OutgoingCall, CallStream>();
  readonly #waiting = new Set<OutgoingCall>();
  readonly #opening: Timer;
  #authorization: string | undefined;
  #maxCalls = 0;
  #unsent = 0;
  #goaway: { readonly code: number; readonly lastId: number } | undefined;
  #fault: Error | undefined;

  constructor(options: GrpcSessionOptions) {
    const { runtime, address, limits, liveness, connectTimeoutMs, dialect, tls, credentials } = options;
    this.#o = options;
    this.endpoints = new AssumedEndpoints((name) => dialect.endpoint(name));
    this.#address = peerAddress(address.url);
    if (credentials !== undefined) this.#authorization = authorizationOf(credentials);
    const windowBytes = limits?.streamWindowBytes ?? STREAM_WINDOW_BYTES;
    const maxBytes = limits?.maxMessageBytes ?? MAX_MESSAGE_BYTES;
    this.#port = this.#callPort(windowBytes, maxBytes);
    this.#watch = new SessionWatch({
      runtime,
      liveness,
      pending: () => this.pending,
      bytesRead: () => this.#socket.bytesRead,
      expire: (now) => this.#expire(now),
      ping: () => this.#ping(),
      suspect: (suspected) => options.events.suspect(suspected),
      dead: () => this.#die(unavailable(`${this.#remote} was silent for too long`, "maybe")),
    });
    this.#opening = runtime.clock.setTimer(connectTimeoutMs, () => this.#notReady(connectTimeoutMs));
    this.#socket = dialPeer(this.#address, tls);
    const secure = tls !== undefined || this.#address.secure;
    this.#headers = {
      ...dialect.headers,
      ":method": "POST",
      ":scheme": secure ? "https" : "http",
      ":authority": this.#address.authority,
      te: "trailers",
      "user-agent": "grpc-node-skein",
      "grpc-accept-encoding": "identity",
    };
    this.#http2 = connect(`${secure ? "https" : "http"}://${this.#address.authority}`, {
      createConnection: () => this.#socket,
      settings: { enablePush: false, initialWindowSize: Math.min(windowBytes, 2 ** 31 - 1) },
      maxSessionMemory: MEGABYTES,
    });
    this.#listen();
  }

  get #remote(): string {
    return this.#address.path ?? this.#address.authority;
  }

  get pending(): number {
    return this.#calls.size + this.#waiting.size;
  }

  #listen(): void {
    const http2 = this.#http2;
    http2.on("connect", () => http2.setLocalWindowSize(CONNECTION_WINDOW_BYTES));
    http2.on("remoteSettings", ({ maxConcurrentStreams }) => {
      this.#maxCalls = Math.min(this.#o.limits?.maxCalls ?? MAX_CALLS, maxConcurrentStreams ?? MAX_CALLS);
      if (this.state === "opening") this.#ready();
      else this.#next();
    });
    http2.on("goaway", (code, lastId) => this.#leave(code, lastId));
    http2.on("error", (error) => {
      this.#fault ??= error;
    });
    http2.on("close", () => this.#lost());
  }

  #ready(): void {
    this.state = "open";
    this.#opening.cancel();
    this.#watch.arm();
    this.#o.events.ready();
  }

  #notReady(ms: number): void {
    const how = this.#socket.connecting ? "no connection to" : "no HTTP/2 from";
    this.#die(unavailable(`${how} ${this.#remote} within ${ms} ms`));
  }

  /**
   * SETTINGS, which every peer must acknowledge at once. A PING would be as good, were it not that gRPC's servers hang up on clients that send more than a
   * few while a handler is busy (`too_many_pings`).
   */
  #ping(): void {
    if (!this.#http2.destroyed) this.#http2.settings({ enablePush: false });
  }

  // ---- calls

  start(call: OutgoingCall): void {
    if (this.state !== "open")
      return call.fail(unavailable(`the connection to ${this.#remote} is ${this.state}`, "no", "elsewhere"));
    if (this.#calls.size < this.#maxCalls) return this.#send(call);
    this.#waiting.add(call);
    this.#watch.arm();
  }

  #send(call: OutgoingCall): void {
    const now = this.#o.runtime.clock.monotonic();
    const timeLeft = call.expiresAt - now;
    const fault = timeLeft <= 0 ? tooLate("no") : this.#full();
    if (fault !== undefined) return call.fail(fault);
    let stream: CallStream;
    let opened: ClientHttp2Stream;
    try {
      const method = this.#method(call.endpoint.name);
      stream = new CallStream(call, method, this.#port);
      opened = this.#request(call, method, timeLeft);
    } catch (error) {
      return call.fail(unsendable(error));
    }
    this.#calls.set(call, stream);
    call.id = opened.id ?? 0;
    stream.open(opened);
    if (this.#calls.size === 1) this.#watch.expecting(now);
    this.#watch.arm();
    if (call.id >= LAST_ID) this.drain();
  }

  #method(name: string): GrpcMethod {
    let method = this.#methods.get(name);
    if (method === undefined) {
      method = this.#o.dialect.method(name);
      this.#methods.set(name, method);
    }
    return method;
  }

  /** @throws RpcError */
  #request(call: OutgoingCall, { path, format }: GrpcMethod, timeLeft: number): ClientHttp2Stream {
    const headers: Record<string, string> = { ...this.#headers, ":path": path };
    if (call.metadata !== undefined) addMetadata(headers, call.metadata);
    headers["content-type"] = format.contentType;
    const timeout = formatTimeout(timeLeft);
    if (timeout !== undefined) headers["grpc-timeout"] = timeout;
    if (call.attempt > 0) headers["grpc-previous-rpc-attempts"] = String(call.attempt);
    if (this.#authorization !== undefined) headers.authorization = this.#authorization;
    if (this.#http2.closed || this.#http2.destroyed)
      throw unavailable(`the connection to ${this.#remote} is closing`, "no", "elsewhere");
    return this.#http2.request(headers, { endStream: false });
  }

  #full(): RpcError | undefined {
    const most = this.#o.limits?.maxUnsentBytes ?? MAX_UNSENT_BYTES;
    if (this.#unsent <= most) return undefined;
    return new RpcError("RESOURCE_EXHAUSTED", `more than ${most} bytes wait to be sent to ${this.#remote}`, {
      executed: "no",
      retry: "elsewhere",
    });
  }

  cancel(call: OutgoingCall): void {
    if (this.#waiting.delete(call)) return;
    const stream = this.#calls.get(call);
    if (stream === undefined) return;
    this.#calls.delete(call);
    stream.cancel();
    this.#next();
  }

  each(visit: (call: OutgoingCall) => void): void {
    for (const call of [...this.#calls.keys()]) visit(call);
  }

  eachWaiting(visit: (call: OutgoingCall) => void): void {
    for (const call of [...this.#waiting]) visit(call);
  }

  authenticate(credentials: string): void {
    this.#authorization = authorizationOf(credentials);
  }

  #next(): void {
    for (const call of this.#waiting) {
      if (this.#calls.size >= this.#maxCalls || this.state !== "open") break;
      this.#waiting.delete(call);
      this.#send(call);
    }
    if (this.state === "draining" && this.pending === 0) this.#die(unavailable("drained"));
  }

  // ---- what calls tell

  #callPort(windowBytes: number, maxBytes: number): CallStreamPort {
    return {
      limit: { maxBytes, option: "limits.maxMessageBytes of the client" },
      windowBytes,
      finished: ({ call }, value) => {
        if (!this.#calls.delete(call)) return;
        call.items?.end();
        call.finish(value, 0);
        if (this.#waiting.size > 0 || this.state === "draining") this.#next();
      },
      failed: (stream, error) => this.#fail(stream, error),
      refused: (stream, trailers) => {
        const status = readStatus(trailers) as GrpcStatus;
        this.#fail(stream, this.#o.dialect.error(status));
      },
      reset: (stream, code) => {
        // The connection has ended: the session's end says why.
        const lost = this.#http2.destroyed || this.#socket.destroyed;
        if (!lost || code === constants.NGHTTP2_REFUSED_STREAM)
          this.#fail(stream, this.#resetError(stream.call, code));
      },
      unsent: (bytes) => {
        this.#unsent += bytes;
      },
      abandoned: ({ call }) => {
        this.#calls.delete(call);
        call.abandoned();
        this.#next();
      },
    };
  }

  #fail({ call }: CallStream, error: RpcError): void {
    if (!this.#calls.delete(call)) return;
    call.fail(error);
    this.#next();
  }

  #resetError({ expiresAt }: OutgoingCall, code: number): RpcError {
    if (code === constants.NGHTTP2_REFUSED_STREAM)
      return unavailable(`${this.#remote} did not take the call`, "no", "elsewhere");
    // Servers know the deadline as well.
    if (code === constants.NGHTTP2_CANCEL && expiresAt <= this.#o.runtime.clock.fresh())
      return tooLate("maybe");
    return broken(RESETS[code] ?? "INTERNAL", `${this.#remote} reset the call (HTTP/2 error code ${code})`);
  }

  #expire(now: number): boolean {
    for (const call of this.#waiting) {
      if (call.expiresAt > now) continue;
      this.#waiting.delete(call);
      call.fail(tooLate("no"));
    }
    let hopeful = false;
    for (const [call, stream] of this.#calls) {
      if (call.expiresAt > now) hopeful = true;
      else {
        this.#calls.delete(call);
        stream.cancel();
        call.fail(tooLate("maybe"));
      }
    }
    this.#next();
    return hopeful;
  }

  // ---- the end

  #leave(code: number, lastId: number): void {
    this.#goaway = { code, lastId };
    if (this.state === "open") this.drain();
  }

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

  #lost(): void {
    const fault = this.#fault;
    const goaway = this.#goaway;
    const why =
      goaway !== undefined && goaway.code !== 0
        ? `was ended by it (GOAWAY ${goaway.code})`
        : fault === undefined
          ? "was closed by the peer"
          : `was lost: ${fault.message}`;
    const executed = this.state === "opening" ? "no" : "maybe";
    this.#die(unavailable(`the connection to ${this.#remote} ${why}`, executed, "none", fault));
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
    this.#watch.end();
    const notSent = withExecuted(error, "no");
    for (const [call, stream] of this.#calls) {
      this.#calls.delete(call);
      const untaken =
        stream.id === undefined || stream.id > (this.#goaway?.lastId ?? Number.POSITIVE_INFINITY);
      stream.cancel();
      call.fail(untaken ? notSent : error);
    }
    this.#giveBack(notSent);
    this.#http2.destroy();
    this.#socket.destroy();
    this.#o.events.closed(error);
  }
}

/** What a reset means (gRPC over HTTP/2, "HTTP2 Transport Mapping, Errors"); INTERNAL otherwise. */
const RESETS: Readonly<Record<number, Code>> = {
  [constants.NGHTTP2_CANCEL]: "CANCELLED",
  [constants.NGHTTP2_ENHANCE_YOUR_CALM]: "RESOURCE_EXHAUSTED",
  [constants.NGHTTP2_INADEQUATE_SECURITY]: "PERMISSION_DENIED",
};
