import { once } from "node:events";
import {
  createServer as createHttp2,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { createServer, type Socket } from "node:net";
import type { EndpointKind, Metadata, RpcError } from "@skein/core";
import { ItemQueue, type OutgoingCall } from "@skein/core/internal";
import { createFakeRuntime } from "@skein/core/testing";
import { frame } from "../../messages.ts";
import { jsonDialect } from "../json-dialect.ts";
import { createGrpcSession, type GrpcSessionOptions } from "../session.ts";

const LIVENESS = { quietMs: 500, suspectMs: 1000, silentMs: 4000, deadAfterMs: 30_000, idlePingMs: 15_000 };

export interface SentCall extends OutgoingCall {
  /** How it ended: its value, or its error. */
  readonly outcome: Promise<unknown>;
  ended: boolean;
}

/** Sessions on a clock that stands still, and servers on real sockets that do as they are told. */
export function useSessions(afterEach: (clean: () => Promise<void>) => void) {
  const ends: (() => unknown)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  /** Of HTTP/2. */
  async function serve(
    onStream: (stream: ServerHttp2Stream) => void,
    settings: { readonly maxConcurrentStreams?: number } = {},
    path?: string,
  ) {
    const server: Http2Server = createHttp2({ settings });
    const sessions: ServerHttp2Session[] = [];
    /** Codes by which calls were reset by us. */
    const resets: number[] = [];
    let probes = 0;
    const sockets: Socket[] = [];
    server.on("connection", (socket) => sockets.push(socket));
    server.on("session", (session) => {
      sessions.push(session);
      session.on("error", () => {});
      session.on("remoteSettings", () => probes++);
    });
    server.on("stream", (stream) => {
      stream.on("error", () => {});
      stream.on("close", () => stream.rstCode !== 0 && resets.push(stream.rstCode));
      onStream(stream);
    });
    if (path === undefined) server.listen(0, "127.0.0.1");
    else server.listen(path);
    await once(server, "listening");
    ends.push(() => {
      for (const session of sessions) session.destroy();
      server.close();
    });
    const { port } = server.address() as { port: number };
    /** SETTINGS beside the first. */
    const cut = (): void => {
      for (const socket of sockets) socket.destroy();
    };
    return { url: `grpc://127.0.0.1:${port}`, sessions, resets, cut, probes: () => probes - 1 };
  }

  /** Of bytes. */
  async function serveBytes(onSocket: (socket: Socket) => void): Promise<string> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      onSocket(socket);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    ends.push(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return `127.0.0.1:${(server.address() as { port: number }).port}`;
  }

  function open(url: string, more: Partial<GrpcSessionOptions> = {}) {
    const runtime = createFakeRuntime();
    const events: string[] = [];
    let ready = (): void => {};
    let close: (error: RpcError) => void = () => {};
    const opened = new Promise<void>((resolve) => (ready = resolve));
    const closed = new Promise<RpcError>((resolve) => (close = resolve));
    const kinds = { give: "server-stream", take: "client-stream", both: "bidi-stream" } as const;
    const session = createGrpcSession({
      runtime,
      instance: { service: "desk" } as never,
      address: { protocol: "grpc", url },
      connectTimeoutMs: 1000,
      credentials: undefined,
      limits: undefined,
      liveness: LIVENESS,
      dialect: jsonDialect("desk", { kinds }),
      events: {
        ready: () => {
          events.push("ready");
          ready();
        },
        suspect: (suspected) => events.push(suspected ? "suspect" : "heard"),
        draining: () => events.push("draining"),
        closed: (error) => {
          events.push("closed");
          close(error);
        },
      },
      ...more,
    });
    ends.push(() => session.close());
    const call = (
      method: string,
      input: unknown = {},
      given: { readonly metadata?: Metadata; readonly timeoutMs?: number; readonly attempt?: number } = {},
    ): SentCall => {
      const made = outgoing(session.endpoints.get(method) as OutgoingCall["endpoint"], input, {
        ...given,
        expiresAt: runtime.clock.monotonic() + (given.timeoutMs ?? 60_000),
      });
      session.start(made);
      return made;
    };
    return { session, events, opened, closed, call, clock: runtime.clock };
  }

  return { serve, serveBytes, open, cleanup: (end: () => unknown) => void ends.push(end) };
}

function outgoing(
  endpoint: OutgoingCall["endpoint"],
  input: unknown,
  given: { readonly metadata?: Metadata; readonly attempt?: number; readonly expiresAt: number },
): SentCall {
  let end: (value: unknown) => void = () => {};
  const outcome = new Promise<unknown>((resolve) => (end = resolve));
  const gives: readonly EndpointKind[] = ["server-stream", "bidi-stream"];
  const items = gives.includes(endpoint.kind) ? new ItemQueue() : undefined;
  const over = (value: unknown): void => {
    if (call.ended) throw new Error("a call ended twice");
    call.ended = true;
    end(value);
  };
  const call: SentCall = {
    endpoint,
    input,
    expiresAt: given.expiresAt,
    metadata: given.metadata,
    attempt: given.attempt ?? 0,
    items,
    id: 0,
    inputTaken: false,
    finish: over,
    fail: (error) => {
      items?.fail(error);
      over(error);
    },
    abandoned: () => over("abandoned"),
    outcome,
    ended: false,
  };
  return call;
}

/** A message of JSON as it goes over the wire. */
export const json = (value: unknown): Buffer => frame(Buffer.from(JSON.stringify(value)));

/** Answers with messages and trailers, or without. */
export function answer(
  stream: ServerHttp2Stream,
  body: Buffer | undefined,
  trailers: Record<string, string> | null = { "grpc-status": "0" },
  headers: Record<string, string | number> = {},
): void {
  stream.respond(
    { ":status": 200, "content-type": "application/grpc+json", ...headers },
    { waitForTrailers: trailers !== null },
  );
  if (trailers !== null) stream.once("wantTrailers", () => stream.sendTrailers(trailers));
  stream.end(body);
}

/** Resolves once a number has not changed for 100 ms. */
export async function steady(read: () => number): Promise<number> {
  for (let before = Number.NaN; ; ) {
    const now = read();
    if (now === before) return now;
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Frames of HTTP/2, by number. */
export const FRAMES = { data: 0, headers: 1, reset: 3 } as const;
export const END_STREAM = 1;
export const END_HEADERS = 4;
/** SETTINGS, empty: what a server says first. */
export const SETTINGS: Buffer = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
export const SETTINGS_ACK: Buffer = Buffer.from([0, 0, 0, 4, 1, 0, 0, 0, 0]);

/** Of the connection's first call. */
export function h2Frame(type: number, flags: number, body: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from([0, body.length >> 8, body.length & 255, type, flags, 0, 0, 0, 1]),
    body,
  ]);
}
