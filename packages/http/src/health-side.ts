import type { IncomingMessage, ServerResponse } from "node:http";
import type { HealthSource, Logger } from "@skein/core";
import type { HttpLimits } from "./limits.ts";
import { type Answer, answer } from "./routes.ts";
import { createHttpSide, type HttpPeer, type HttpSide } from "./server.ts";

export interface HealthSideOptions {
  readonly health: HealthSource;
  readonly logger: Logger;
  readonly limits: HttpLimits;
  /** As of the side. */
  readonly draining: AbortSignal;
}

/** Health, and nothing else. */
export function createHealthSide(options: HealthSideOptions): HttpSide {
  const { health, logger } = options;
  const peer: HttpPeer = {
    async answer(request, response, draining) {
      const last = (): boolean => hasBody(request) || draining();
      try {
        const given = await answer(health, request.method ?? "", request.url ?? "");
        sendHealth(response, given, last());
      } catch (error) {
        logger.error({ err: error, path: request.url }, "a health endpoint failed");
        sendHealth(response, { status: 500, body: { error: "internal error" } }, true);
      }
    },
    closed() {},
  };
  return createHttpSide({ ...options, connected: () => peer });
}

/** No endpoint takes one: it is not read, and the connection ends after the answer. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return (headers["content-length"] ?? "0") !== "0" || headers["transfer-encoding"] !== undefined;
}

export function sendHealth(response: ServerResponse, { status, body, allow }: Answer, last: boolean): void {
  const text = `${JSON.stringify(body)}\n`;
  if (last) response.once("finish", () => response.req.socket.destroy());
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
