import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import type { Socket } from "node:net";
import type { Code, ForeignSessionOptions, RpcError } from "@skein/core";
import {
  authorizationOf,
  type ClientSession,
  ForeignSession,
  type ForeignWire,
  type OutgoingCall,
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

const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
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
  const peer = peerAddress(options.address.url);
  return new ForeignSession<CallStream>({
    options,
    remote: peer.path ?? peer.authority,
    endpoint: (name) => options.dialect.endpoint(name),
    connect: (session) => new GrpcWire(options, peer, session),
  });
}

class GrpcWire implements ForeignWire<CallStream> {
  readonly #dialect: GrpcDialect;
  readonly #session: ForeignSession<CallStream>;
  readonly #now: () => number;
  readonly #socket: Socket;
  readonly #http2: ClientHttp2Session;
  readonly #port: CallStreamPort;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #methods = new Map<string, GrpcMethod>();
  /** Opened, and not begun. */
  #opened: ClientHttp2Stream | undefined;
  #authorization: string | undefined;
  #unsent = 0;
  #goaway: { readonly code: number; readonly lastId: number } | undefined;
  #fault: Error | undefined;

  constructor(
    { runtime, limits, dialect, tls, credentials }: GrpcSessionOptions,
    peer: PeerAddress,
    session: ForeignSession<CallStream>,
  ) {
    this.#dialect = dialect;
    this.#session = session;
    this.#now = () => runtime.clock.fresh();
    if (credentials !== undefined) this.authenticate(credentials);
    const windowBytes = limits?.streamWindowBytes ?? STREAM_WINDOW_BYTES;
    this.#port = this.#callPort(windowBytes, limits?.maxMessageBytes ?? MAX_MESSAGE_BYTES);
    this.#socket = dialPeer(peer, tls);
    const scheme = tls !== undefined || peer.secure ? "https" : "http";
    this.#headers = {
      ...dialect.headers,
      ":method": "POST",
      ":scheme": scheme,
      ":authority": peer.authority,
      te: "trailers",
      "user-agent": "grpc-node-skein",
      "grpc-accept-encoding": "identity",
    };
    this.#http2 = connect(`${scheme}://${peer.authority}`, {
      createConnection: () => this.#socket,
      settings: { enablePush: false, initialWindowSize: Math.min(windowBytes, 2 ** 31 - 1) },
      maxSessionMemory: MEGABYTES,
    });
    this.#listen();
  }

  #listen(): void {
    const http2 = this.#http2;
    http2.on("connect", () => http2.setLocalWindowSize(CONNECTION_WINDOW_BYTES));
    http2.on("remoteSettings", ({ maxConcurrentStreams }) => this.#session.ready(maxConcurrentStreams));
    http2.on("goaway", (code, lastId) => {
      this.#goaway = { code, lastId };
      if (this.#session.state === "open") this.#session.drain();
    });
    http2.on("error", (error) => {
      this.#fault ??= error;
    });
    http2.on("close", () => this.#lost());
  }

  missing(): string {
    return this.#socket.connecting ? "no connection to" : "no HTTP/2 from";
  }

  // ---- calls

  send(call: OutgoingCall, now: number): CallStream {
    try {
      const method = this.#method(call.endpoint.name);
      const stream = new CallStream(call, method, this.#port);
      this.#opened = this.#request(call, method, call.expiresAt - now);
      call.id = this.#opened.id ?? 0;
      return stream;
    } catch (error) {
      throw unsendable(error);
    }
  }

  begin(stream: CallStream): void {
    stream.open(this.#opened as ClientHttp2Stream);
    if (stream.call.id >= LAST_ID) this.#session.drain();
  }

  #method(name: string): GrpcMethod {
    let method = this.#methods.get(name);
    if (method === undefined) {
      method = this.#dialect.method(name);
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
      throw unavailable(`the connection to ${this.#session.remote} is closing`, "no", "elsewhere");
    return this.#http2.request(headers, { endStream: false });
  }

  takeBack(stream: CallStream): void {
    stream.cancel();
  }

  unsentBytes(): number {
    return this.#unsent;
  }

  bytesRead(): number {
    return this.#socket.bytesRead;
  }

  /**
   * SETTINGS, which every peer must acknowledge at once. A PING would be as good, were it not that gRPC's servers hang up on clients that send more than a
   * few while a handler is busy (`too_many_pings`).
   */
  ping(): void {
    if (!this.#http2.destroyed) this.#http2.settings({ enablePush: false });
  }

  authenticate(credentials: string): void {
    this.#authorization = authorizationOf(credentials);
  }

  // ---- what calls tell

  #callPort(windowBytes: number, maxBytes: number): CallStreamPort {
    const session = this.#session;
    return {
      limit: { maxBytes, option: "limits.maxMessageBytes of the client" },
      windowBytes,
      finished: ({ call }, value) => session.finish(call, value),
      failed: ({ call }, error) => session.fail(call, error),
      refused: ({ call }, trailers) =>
        session.fail(call, this.#dialect.error(readStatus(trailers) as GrpcStatus)),
      reset: ({ call }, code) => {
        // The connection has ended: the session's end says why.
        const lost = this.#http2.destroyed || this.#socket.destroyed;
        if (!lost || code === constants.NGHTTP2_REFUSED_STREAM)
          session.fail(call, this.#resetError(call, code));
      },
      unsent: (bytes) => {
        this.#unsent += bytes;
      },
      abandoned: ({ call }) => session.abandoned(call),
    };
  }

  #resetError({ expiresAt }: OutgoingCall, code: number): RpcError {
    if (code === constants.NGHTTP2_REFUSED_STREAM)
      return unavailable(`${this.#session.remote} did not take the call`, "no", "elsewhere");
    // Servers know the deadline as well.
    if (code === constants.NGHTTP2_CANCEL && expiresAt <= this.#now()) return tooLate("maybe");
    return broken(
      RESETS[code] ?? "INTERNAL",
      `${this.#session.remote} reset the call (HTTP/2 error code ${code})`,
    );
  }

  // ---- the end

  #lost(): void {
    const fault = this.#fault;
    const goaway = this.#goaway;
    const why =
      goaway !== undefined && goaway.code !== 0
        ? `was ended by it (GOAWAY ${goaway.code})`
        : fault === undefined
          ? "was closed by the peer"
          : `was lost: ${fault.message}`;
    const executed = this.#session.state === "opening" ? "no" : "maybe";
    this.#session.end(
      unavailable(`the connection to ${this.#session.remote} ${why}`, executed, "none", fault),
    );
  }

  /** What came after the last that the server took was not executed. */
  endOf({ id }: CallStream, error: RpcError): RpcError {
    const last = this.#goaway?.lastId ?? Number.POSITIVE_INFINITY;
    return id === undefined || id > last ? withExecuted(error, "no") : error;
  }

  end(): void {
    this.#http2.destroy();
    this.#socket.destroy();
  }
}

/** What a reset means (gRPC over HTTP/2, "HTTP2 Transport Mapping, Errors"); INTERNAL otherwise. */
const RESETS: Readonly<Record<number, Code>> = {
  [constants.NGHTTP2_CANCEL]: "CANCELLED",
  [constants.NGHTTP2_ENHANCE_YOUR_CALM]: "RESOURCE_EXHAUSTED",
  [constants.NGHTTP2_INADEQUATE_SECURITY]: "PERMISSION_DENIED",
};
