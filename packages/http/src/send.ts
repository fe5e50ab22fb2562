import type { OutgoingHttpHeaders } from "node:http";
import { promisify } from "node:util";
import type { Exchange } from "./exchange.ts";

/** Shorter answers are not worth compressing. */
const GZIP_BYTES = 1024;
const GZIP = /(?:^|[,\s])(?:x-)?gzip\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))[\d.]+\s*)?(?:,|$)/i;

export const JSON_TYPE = "application/json; charset=utf-8";

/** Headers of every answer. */
export function commonHeaders({ draining, limits }: Exchange): OutgoingHttpHeaders {
  // Whoever knows it does not send a request into a connection that is about to end.
  const seconds = Math.floor(limits.idleMs / 1000);
  return {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...(draining() ? { connection: "close" } : seconds > 0 && { "keep-alive": `timeout=${seconds}` }),
  };
}

/** Sends a whole answer, compressed when it is long and the peer asked for it. */
export async function send(
  exchange: Exchange,
  status: number,
  headers: OutgoingHttpHeaders,
  text: string,
): Promise<void> {
  const { request, response, limits } = exchange;
  const plain = Buffer.from(text);
  const squeeze = plain.length > GZIP_BYTES && GZIP.test(String(request.headers["accept-encoding"] ?? ""));
  const bytes = squeeze ? await gzip(plain) : plain;
  if (response.destroyed) return;
  response.writeHead(status, {
    "content-type": JSON_TYPE,
    ...commonHeaders(exchange),
    ...headers,
    ...(plain.length > GZIP_BYTES && { vary: vary(headers) }),
    ...(squeeze && { "content-encoding": "gzip" }),
    ...(status !== 204 && { "content-length": bytes.length }),
  });
  request.socket.setTimeout(limits.stallMs);
  // For HEAD node:http leaves the body out.
  response.end(status === 204 ? undefined : bytes);
}

function vary(headers: OutgoingHttpHeaders): string {
  return headers.vary === undefined ? "accept-encoding" : `${headers.vary}, accept-encoding`;
}

async function gzip(bytes: Buffer): Promise<Buffer> {
  const zlib = await import("node:zlib");
  return promisify(zlib.gzip)(bytes);
}
