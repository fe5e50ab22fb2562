import type { OutgoingHttpHeaders } from "node:http";
import { type DoorHost, RpcError } from "@skein/core";
import {
  anyService,
  credentialsOf,
  type DoorCallers,
  type FoundName,
  type GoMicroError,
  toGoMicroError,
  toGoName,
} from "@skein/core/internal";
import type { Exchange } from "../exchange.ts";
import type { GoNameBook } from "../go-name-book.ts";
import { checkBodyLength, invite, readBody } from "../read-body.ts";
import { readJson } from "../read-json.ts";
import { HttpRefusal } from "../refusal.ts";
import { writeJson } from "../write-json.ts";
import { ERROR_HEADER, writeErrorHeader } from "./error-header.ts";
import { metadataFrom, timeoutFrom } from "./request-headers.ts";

const JSON_TYPE = "application/json";
const STATUS_WORDS: Readonly<Record<number, string>> = {
  408: "Request Timeout",
  413: "Request Entity Too Large",
};

export interface GoMicroParts {
  readonly host: DoorHost;
  readonly names: GoNameBook;
  readonly callers: DoorCallers;
}

/**
 * Answers a call of Go Micro's HTTP transport. The status is always 200: any other is a broken transport over there. Never rejects, and never leaves a
 * request without an answer.
 * @param goName `User.GetUser`
 */
export async function answerGoMicro(parts: GoMicroParts, exchange: Exchange, goName: string): Promise<void> {
  const { headers } = exchange.request;
  const type = (headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase();
  if (type !== JSON_TYPE) {
    const given = (headers["content-type"] ?? "").slice(0, 80);
    return send(exchange, { "content-type": "text/plain" }, `unsupported Content-Type: ${given}`);
  }
  let known: FoundName | undefined;
  try {
    const found = parts.names.find(goName, serviceOfHeader(exchange));
    if (typeof found === "string") return fail(exchange, found);
    known = found;
    const json = writeJson(await call(parts, exchange, found));
    // A struct of Go's is never null.
    send(exchange, { "content-type": JSON_TYPE }, json === "null" ? "{}" : json);
  } catch (error) {
    fail(exchange, errorOf(parts, error, known, exchange, goName));
  }
}

async function call({ callers }: GoMicroParts, exchange: Exchange, found: FoundName): Promise<unknown> {
  const { request, response, limits } = exchange;
  const { service, method, kind } = found;
  if (kind !== undefined && kind !== "unary") throw noStreams(found);
  const gone = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) gone.abort(new RpcError("CANCELLED", "the caller has gone"));
  });
  const timeoutMs = timeoutFrom(request.headers);
  const metadata = metadataFrom(request.headers);
  checkBodyLength(request, limits.maxBodyBytes);
  invite(request, response);
  const bytes = await readBody(request, limits);
  const input = bytes.length === 0 ? undefined : (readJson(bytes) ?? undefined);
  const { client, release } = callers.take(credentialsOf(request.headers));
  let failure: unknown;
  try {
    return await anyService(client, service).call(method, input, {
      timeoutMs,
      metadata,
      signal: gone.signal,
    });
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    release(failure);
  }
}

function noStreams({ service, method, kind }: FoundName): RpcError {
  return new RpcError(
    "UNIMPLEMENTED",
    `${service}.${method} is a ${kind}: Go Micro's streams go over gRPC, not over HTTP`,
    { executed: "no" },
  );
}

function errorOf(
  { host, names }: GoMicroParts,
  error: unknown,
  found: FoundName | undefined,
  exchange: Exchange,
  goName: string,
): GoMicroError | string {
  const id = found === undefined ? goName : `${found.service}.${toGoName("x", found.method).slice(2)}`;
  if (error instanceof HttpRefusal) {
    const refused = new RpcError(error.code, error.message, { executed: "no" });
    const told = toGoMicroError(refused, id) as GoMicroError;
    return { ...told, code: error.status, status: STATUS_WORDS[error.status] ?? told.status };
  }
  if (!RpcError.is(error))
    host.logger.error({ err: error, endpoint: goName }, "a Go Micro call failed within the door");
  const known = RpcError.from(error);
  if (known.code === "NOT_FOUND" || known.code === "UNIMPLEMENTED")
    names.forget(goName, serviceOfHeader(exchange));
  return toGoMicroError(known, id);
}

function serviceOfHeader({ request }: Exchange): string {
  return String(request.headers["micro-service"] ?? "");
}

function fail(exchange: Exchange, error: GoMicroError | string): void {
  send(exchange, { "content-type": JSON_TYPE, [ERROR_HEADER]: writeErrorHeader(error) }, "");
}

/** Never compressed, whatever a caller's own caller had asked for: its client does not look. */
function send({ request, response, limits, draining }: Exchange, headers: OutgoingHttpHeaders, text: string) {
  if (response.destroyed || response.headersSent) return;
  const bytes = Buffer.from(text);
  response.writeHead(200, {
    ...headers,
    "content-length": bytes.length,
    ...(draining() && { connection: "close" }),
  });
  request.socket.setTimeout(limits.stallMs);
  response.end(bytes);
}
