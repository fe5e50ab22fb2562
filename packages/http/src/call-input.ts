import type { EndpointDescription } from "@skein/core";
import { BodyLines } from "./body-lines.ts";
import type { Exchange } from "./exchange.ts";
import { hasBody } from "./health-side.ts";
import { checkBodyLength, checkBodyType, invite, readBody } from "./read-body.ts";
import { readJson } from "./read-json.ts";
import { HttpRefusal } from "./refusal.ts";

export function takesStream({ kind }: EndpointDescription): boolean {
  return kind === "client-stream" || kind === "bidi-stream";
}
export function givesStream({ kind }: EndpointDescription): boolean {
  return kind === "server-stream" || kind === "bidi-stream";
}

/** @throws HttpRefusal 405 */
export function checkMethod(method: string | undefined, endpoint: EndpointDescription): void {
  if (method === "POST") return;
  const readable = endpoint.idempotent && !takesStream(endpoint);
  if (method === "GET" && readable) return;
  const why = readable
    ? `${method} calls nothing: use GET or POST`
    : `${endpoint.name} is called with POST: GET is for idempotent methods that take no stream`;
  throw new HttpRefusal(405, "UNIMPLEMENTED", why, {
    headers: { allow: readable ? "GET, POST" : "POST" },
  });
}

/**
 * What the request gives the endpoint: the body's JSON, with GET that of `?input=`, a stream for an endpoint that takes one.
 * @throws HttpRefusal saying what is wrong with it
 */
export async function readInput(exchange: Exchange, endpoint: EndpointDescription): Promise<unknown> {
  const { request, response, limits } = exchange;
  const lines = takesStream(endpoint);
  if (request.method === "GET") return fromQuery(exchange);
  if (!hasBody(request)) return lines ? new BodyLines(request, limits.maxBodyBytes) : undefined;
  const encoding = checkBodyType(request, lines);
  const { gunzip, createGunzip } = encoding === "gzip" ? await import("./gunzip.ts") : {};
  if (lines) {
    invite(request, response);
    return new BodyLines(request, limits.maxBodyBytes, createGunzip?.());
  }
  checkBodyLength(request, limits.maxBodyBytes);
  invite(request, response);
  const body = await readBody(request, limits);
  const bytes = gunzip === undefined ? body : await gunzip(body, limits.maxBodyBytes);
  return bytes.length === 0 ? undefined : readJson(bytes);
}

function fromQuery({ query }: Exchange): unknown {
  if (query === "") return undefined;
  const text = new URLSearchParams(query).get("input");
  if (text !== null) return readJson(new TextEncoder().encode(text));
  throw new HttpRefusal(
    400,
    "INVALID_ARGUMENT",
    'the query has no input: give it as JSON, as in ?input={"id":"42"}',
  );
}
