import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { HealthSource, Logger } from "@skein/core";
import type { HttpLimits } from "./limits.ts";
import { type Answer, answer } from "./routes.ts";

/** node:http over sockets that somebody else accepted. */
export interface HttpSide {
  /** `socket` is paused, what was read of it put back. */
  accept(socket: Socket): void;
  /** Idle connections end at once, those with a request under way once it is answered, at the latest after graceMs. */
  close(graceMs: number): Promise<void>;
}

/** After a refusal: how long the peer has to read it. */
const REFUSED_MS = 1000;
const MOST_HEADERS = 64;

/**
 * node:http's own timeouts run only in servers that listen, and this one never does: `deadline` is what ends slow peers. It runs while no
 * request is being answered, and a byte does not lengthen it.
 */
interface Peer {
  readonly socket: Socket;
  deadline: NodeJS.Timeout | undefined;
  /** Requests that are being answered. */
  open: number;
}

export function createHttpSide(health: HealthSource, logger: Logger, limits: HttpLimits): HttpSide {
  const peers = new Map<unknown, Peer>();
  const server = createServer({ maxHeaderSize: limits.maxHeaderBytes, keepAliveTimeout: 0 });
  server.maxHeadersCount = MOST_HEADERS;
  let closing = false;
  let emptied: (() => void) | undefined;

  const arm = (peer: Peer, ms: number): void => {
    clearTimeout(peer.deadline);
    peer.deadline = setTimeout(() => peer.socket.destroy(), ms).unref();
  };

  server.on("request", (request, response) => {
    const peer = peers.get(request.socket);
    if (peer === undefined) return void request.socket.destroy();
    clearTimeout(peer.deadline);
    peer.open++;
    const last = hasBody(request);
    response.once("close", () => {
      peer.open--;
      if (last || closing) peer.socket.destroy();
      else if (peer.open === 0) arm(peer, limits.idleMs);
    });
    answer(health, request.method ?? "", request.url ?? "").then(
      (given) => send(response, given, last || closing),
      (error: unknown) => {
        logger.error({ err: error, path: request.url }, "a health endpoint failed");
        send(response, { status: 500, body: { error: "internal error" } }, true);
      },
    );
  });

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
      const peer: Peer = { socket, open: 0, deadline: undefined };
      peers.set(socket, peer);
      arm(peer, limits.requestMs);
      socket.once("close", () => {
        clearTimeout(peer.deadline);
        peers.delete(socket);
        if (peers.size === 0) emptied?.();
      });
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

/** No endpoint takes one: it is not read, and the connection ends after the answer. */
function hasBody({ headers }: IncomingMessage): boolean {
  return (headers["content-length"] ?? "0") !== "0" || headers["transfer-encoding"] !== undefined;
}

function send(response: ServerResponse, { status, body, allow }: Answer, last: boolean): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(text),
    "cache-control": "no-store",
    ...(allow !== undefined && { allow }),
    ...(last && { connection: "close" }),
  });
  // For HEAD node:http leaves the body out.
  response.end(text);
}
