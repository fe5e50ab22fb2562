import type { ServerResponse } from "node:http";
import type { Refusal } from "./refusal.ts";

/** Answers with JSON; nothing when it was answered already, or nobody is there any more. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: object | Buffer,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent || response.destroyed) return;
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(`${JSON.stringify(body)}\n`);
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    "content-length": bytes.length,
    "cache-control": "no-store",
    ...headers,
  });
  response.end(bytes);
}

export function sendRefusal(
  response: ServerResponse,
  { status, code, message }: Refusal,
  headers: Readonly<Record<string, string>> = {},
): void {
  sendJson(response, status, { code, message }, headers);
}
