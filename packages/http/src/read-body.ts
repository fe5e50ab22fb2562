import type { IncomingMessage, ServerResponse } from "node:http";
import { RpcError } from "@skein/core";
import type { HttpLimits } from "./limits.ts";
import { HttpRefusal } from "./refusal.ts";

const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json *(?:;|$)/i;
const LINES_TYPE = /^application\/(?:x-ndjson|ndjson|jsonl|x-jsonlines) *(?:;|$)/i;

/**
 * Only what a page of another origin cannot send without asking first (CORS) is taken: a form or plain text is not.
 * @returns whether it is compressed
 * @throws HttpRefusal 415
 */
export function checkBodyType({ headers }: IncomingMessage, lines: boolean): "gzip" | "identity" {
  const given = headers["content-encoding"] ?? "identity";
  const encoding = given.toLowerCase().replace("x-gzip", "gzip");
  if (encoding !== "identity" && encoding !== "gzip")
    throw new HttpRefusal(
      415,
      "INVALID_ARGUMENT",
      `the body is encoded as ${JSON.stringify(given.slice(0, 40))}: send it as it is, or as gzip`,
      { headers: { "accept-encoding": "gzip, identity" } },
    );
  const type = headers["content-type"] ?? "";
  if ((lines ? LINES_TYPE : JSON_TYPE).test(type)) return encoding;
  const wanted = lines ? "application/x-ndjson (a JSON value a line)" : "application/json";
  throw new HttpRefusal(
    415,
    "INVALID_ARGUMENT",
    `the body's content-type is ${JSON.stringify(type.slice(0, 80))}: send ${wanted}`,
  );
}

/** @throws HttpRefusal 413 where the peer says beforehand that it will be too much */
export function checkBodyLength({ headers }: IncomingMessage, maxBytes: number): void {
  if (Number(headers["content-length"] ?? 0) > maxBytes) throw tooLong("the body", maxBytes);
}

export function tooLong(what: string, maxBytes: number): HttpRefusal {
  return new HttpRefusal(413, "INVALID_ARGUMENT", `${what} is longer than ${maxBytes} bytes`);
}

export function noGzip(): HttpRefusal {
  return new HttpRefusal(400, "INVALID_ARGUMENT", "the body is encoded as gzip, and is none");
}

/** Says that the body may come, to whoever waits for that. */
export function invite(request: IncomingMessage, response: ServerResponse): void {
  if (/^100-continue$/i.test(request.headers.expect ?? "")) response.writeContinue();
}

/**
 * The whole body; nothing beyond the limit is kept.
 * @throws HttpRefusal 413 as soon as it is too long, 408 when it is not whole in time; RpcError CANCELLED when the peer goes
 */
export function readBody(request: IncomingMessage, limits: HttpLimits): Promise<Uint8Array> {
  const { maxBodyBytes, requestMs } = limits;
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const timer = setTimeout(
      () => fail(new HttpRefusal(408, "INVALID_ARGUMENT", `the body was not whole after ${requestMs} ms`)),
      requestMs,
    ).unref();
    const done = (): void => {
      clearTimeout(timer);
      request.off("data", take).off("end", end).off("close", gone);
    };
    const fail = (error: Error): void => {
      done();
      chunks.length = 0;
      reject(error);
    };
    const take = (chunk: Buffer): void => {
      length += chunk.length;
      if (length > maxBodyBytes) fail(tooLong("the body", maxBodyBytes));
      else chunks.push(chunk);
    };
    const end = (): void => {
      done();
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
    };
    const gone = (): void => fail(new RpcError("CANCELLED", "the caller has gone", { executed: "no" }));
    request.on("data", take).on("end", end).on("close", gone);
  });
}
