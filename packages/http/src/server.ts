import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Logger } from "@skein/core";
import { socketAddress } from "@skein/core/internal";
import type { HttpLimits } from "./limits.ts";

/** node:http over sockets that somebody else accepted. */
export interface HttpSide {
  /** `socket` is paused, what was read of it put back. */
  accept(socket: Socket): void;
  /** Idle connections end at once, those with a request under way once it is answered, at the latest after graceMs. */
  close(graceMs: number): Promise<void>;
}

/** What answers requests. One for each connection. */
export interface HttpPeer {
  /** @param draining whether this answer is the connection's last */
  answer(request: IncomingMessage, response: ServerResponse, draining: () => boolean): Promise<void>;
  /** The connection has gone. */
  closed(): void;
}

export interface HttpSideOptions {
  readonly logger: Logger;
  readonly limits: HttpLimits;
  /** From its abort on idle connections end, and each answer is its connection's last. */
  readonly draining: AbortSignal;
  /** @param remote the peer's address */
  readonly connected: (remote: string) => HttpPeer;
}

/** After a refusal: how long the peer has to read it. */
const REFUSED_MS = 1000;
const MOST_HEADERS = 64;
/** Requests of one connection that are being answered: it may not pipeline more. */
const MOST_OPEN = 64;
/** Peers that vanish without a word are noticed by the system. */
const PROBE_MS = 30_000;

/**
 * node:http's own timeouts run only in servers that listen, and this one never does: `deadline` is what ends slow peers. It runs while no
 * request is being answered, and a byte does not lengthen it.
 */
interface Peer {
  readonly socket: Socket;
  readonly http: HttpPeer;
  deadline: NodeJS.Timeout | undefined;
  /** Requests that are being answered. */
  open: number;
  /** It has sent a request: between two of them it is idle. */
  asked: boolean;
}

export function createHttpSide(options: HttpSideOptions): HttpSide {
  const { logger, limits, connected } = options;
  const peers = new Map<unknown, Peer>();
  const server = createServer({ maxHeaderSize: limits.maxHeaderBytes, keepAliveTimeout: 0 });
  server.maxHeadersCount = MOST_HEADERS;
  let closing = false;
  let emptied: (() => void) | undefined;
  const draining = (): boolean => closing || options.draining.aborted;
  const endIdle = (): void => {
    for (const peer of peers.values()) if (peer.open === 0 && peer.asked) peer.socket.destroy();
  };
  options.draining.addEventListener("abort", endIdle);

  const arm = (peer: Peer, ms: number): void => {
    clearTimeout(peer.deadline);
    peer.deadline = setTimeout(() => peer.socket.destroy(), ms).unref();
  };

  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const peer = peers.get(request.socket);
    if (peer === undefined || peer.open >= MOST_OPEN) return void request.socket.destroy();
    clearTimeout(peer.deadline);
    peer.open++;
    peer.asked = true;
    request.on("error", ignore);
    response.on("error", ignore);
    response.once("close", () => {
      peer.open--;
      peer.socket.setTimeout(0);
      if (peer.open > 0) return;
      if (closing || (draining() && request.complete)) return void peer.socket.destroy();
      arm(peer, request.complete ? limits.idleMs : REFUSED_MS);
      if (request.complete) return;
      // Answered before all of the body was there: what still comes is dropped, for a moment.
      request.once("end", () => {
        if (peer.open === 0) arm(peer, limits.idleMs);
      });
      request.resume();
    });
    peer.http.answer(request, response, draining).catch((error: unknown) => {
      logger.error({ err: error, path: pathOf(request) }, "an HTTP request could not be answered");
      peer.socket.destroy();
    });
  };
  server.on("request", onRequest);
  // `Expect: 100-continue`: whoever answers says it, once it wants the body.
  server.on("checkContinue", onRequest);

  server.on("clientError", (error: Error & { readonly code?: string }, socket) => {
    const peer = peers.get(socket);
    if (peer === undefined || !socket.writable || peer.open > 0) return void socket.destroy();
    const status =
      error.code === "HPE_HEADER_OVERFLOW" ? "431 Request Header Fields Too Large" : "400 Bad Request";
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    arm(peer, REFUSED_MS);
  });

  return {
    accept(socket) {
      if (closing || peers.size >= limits.maxConnections) return void socket.destroy();
      const http = connected(socketAddress(socket));
      const peer: Peer = { socket, http, open: 0, asked: false, deadline: undefined };
      peers.set(socket, peer);
      arm(peer, limits.requestMs);
      socket.once("close", () => {
        clearTimeout(peer.deadline);
        peers.delete(socket);
        peer.http.closed();
        if (peers.size === 0) emptied?.();
      });
      socket.setKeepAlive(true, PROBE_MS);
      server.emit("connection", socket);
      socket.resume();
    },
    async close(graceMs) {
      closing = true;
      if (peers.size === 0) return;
      const empty = new Promise<void>((resolve) => {
        emptied = resolve;
      });
      for (const peer of peers.values()) if (peer.open === 0) peer.socket.destroy();
      const grace = setTimeout(() => {
        for (const peer of peers.values()) peer.socket.destroy();
      }, graceMs);
      await empty;
      clearTimeout(grace);
    },
  };
}

/** Of sockets that broke: `close` says so as well. */
function ignore(): void {}

/** Without the query, which may have what no log should. */
function pathOf({ url = "" }: IncomingMessage): string {
  return (url.split("?", 1)[0] as string).slice(0, 200);
}
