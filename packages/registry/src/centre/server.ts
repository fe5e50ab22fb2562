import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Logger } from "@skein/core";
import { Refusal } from "./refusal.ts";
import { type Asked, type RouteContext, route } from "./routes.ts";
import { sendRefusal } from "./send.ts";
import { tokenCheck } from "./token.ts";

/** Of the head of a request, and of all of it, ms. */
const HEADERS_MS = 5000;
const REQUEST_MS = 10_000;
/** Longer than from one heartbeat to the next: services keep their connection. */
const KEEP_ALIVE_MS = 75_000;
const MOST_CONNECTIONS = 30_000;
/** What was refused is read on for so long, so that the other side sees the answer. */
const LINGER_MS = 1000;
const COMPLAIN_EVERY_MS = 10_000;

export interface CentreServerOptions extends RouteContext {
  readonly logger: Logger;
  readonly token?: string | undefined;
  /** Until the head of a request must have come, and the whole of it, ms. @default 5000 and 10000 */
  readonly timeouts?: { readonly headersMs: number; readonly requestMs: number } | undefined;
}

/** The HTTP rim: who may ask, how much and how slowly, and how what goes wrong is answered. Does not listen yet. */
export function createCentreServer(options: CentreServerOptions): Server {
  const { logger, timeouts = { headersMs: HEADERS_MS, requestMs: REQUEST_MS } } = options;
  const authorize = authorizer(options);
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    try {
      const [path = "", query = ""] = (request.url ?? "").split(/\?(.*)/s, 2);
      const trusted = authorize(request, path);
      await route(options, {
        request,
        response,
        path,
        query: new URLSearchParams(query),
        trusted,
      } satisfies Asked);
    } catch (error) {
      refuse(request, response, error, logger);
    }
  };
  const server = createServer(
    {
      headersTimeout: timeouts.headersMs,
      requestTimeout: timeouts.requestMs,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: Math.min(1000, timeouts.headersMs / 2),
    },
    (request, response) => void answer(request, response),
  );
  server.maxConnections = MOST_CONNECTIONS;
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => cut(error, socket));
  return server;
}

function refuse(request: IncomingMessage, response: ServerResponse, error: unknown, logger: Logger): void {
  // Whoever asked has gone.
  if (response.destroyed || request.socket.destroyed) return void response.destroy();
  if (!(error instanceof Refusal)) logger.error({ err: error }, "a request failed");
  const refusal =
    error instanceof Refusal
      ? error
      : new Refusal(500, "INTERNAL", "the request failed: see the registry's log");
  if (request.complete) return sendRefusal(response, refusal, headersOf(refusal));
  sendRefusal(response, refusal, { ...headersOf(refusal), connection: "close" });
  request.resume();
  const timer = setTimeout(() => request.destroy(), LINGER_MS).unref();
  request.once("close", () => clearTimeout(timer));
}

function headersOf({ status, message }: Refusal): Readonly<Record<string, string>> {
  if (status === 401) return { "www-authenticate": "Bearer" };
  return status === 405 ? { allow: message.endsWith("POST") ? "POST" : "GET" } : {};
}

/** `/health` is for everybody, but says more to those who may know; a wrong token is refused there too. */
function authorizer({ token, logger, clock }: CentreServerOptions) {
  const check = token === undefined ? undefined : tokenCheck(token);
  let complained = Number.NEGATIVE_INFINITY;
  return ({ headers, socket }: IncomingMessage, path: string): boolean => {
    if (check === undefined || check(headers.authorization)) return true;
    if (path === "/health" && headers.authorization === undefined) return false;
    const now = clock.monotonic();
    if (now - complained > COMPLAIN_EVERY_MS) {
      complained = now;
      logger.warn({ address: socket.remoteAddress }, "refused: the token is missing or wrong");
    }
    const what = headers.authorization === undefined ? "a token is needed" : "the token is wrong";
    throw new Refusal(
      401,
      "UNAUTHENTICATED",
      `${what}: send Authorization: Bearer TOKEN, or use http://TOKEN@host`,
    );
  };
}

const BROKEN: Readonly<Record<string, readonly [status: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: ["431 Request Header Fields Too Large", "the head of the request is too long"],
  ERR_HTTP_REQUEST_TIMEOUT: ["408 Request Timeout", "the request did not come in time"],
};

/** What is no HTTP, or comes too slowly. */
function cut({ code = "" }: NodeJS.ErrnoException, socket: Socket): void {
  const [status, message] = BROKEN[code] ?? ["400 Bad Request", "that is no HTTP request"];
  if (!socket.writable || code === "ECONNRESET") return void socket.destroy();
  const body = JSON.stringify({ code: "INVALID_ARGUMENT", message });
  socket.end(
    `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}
