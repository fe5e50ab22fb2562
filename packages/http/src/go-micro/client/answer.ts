import type { IncomingHttpHeaders } from "node:http";
import { type DecodeLimits, RpcError } from "@skein/core";
import { codeOfGoMicro, fromGoMicroError } from "@skein/core/internal";
import { readJson } from "../../read-json.ts";
import { ERROR_HEADER, readErrorHeader } from "../error-header.ts";

const UNSUPPORTED = /^unsupported content-type/i;

/**
 * The value that a Go Micro server answered. All its other headers may be the first request's, and mean nothing.
 * @throws RpcError
 */
export function readAnswer(
  status: number,
  headers: IncomingHttpHeaders,
  body: Uint8Array,
  limits: DecodeLimits,
): unknown {
  const error = readErrorHeader(headers[ERROR_HEADER]);
  if (error !== undefined) throw fromGoMicroError(error);
  if (status !== 200) throw notGoMicro(status, body);
  if (body.length === 0) return undefined;
  try {
    return readJson(body, 1, limits);
  } catch (cause) {
    const text = textOf(body);
    if (UNSUPPORTED.test(text)) throw new RpcError("UNIMPLEMENTED", text, { executed: "no" });
    throw new RpcError("INTERNAL", `the answer cannot be read: ${(cause as Error).message}`, {
      executed: "yes",
      cause,
    });
  }
}

/** Go Micro's status is always 200: this is something in front of it, or in its place. */
function notGoMicro(status: number, body: Uint8Array): RpcError {
  const text = textOf(body);
  return new RpcError(
    codeOfGoMicro(status),
    `what answered is no Go Micro server: HTTP status ${status}${text === "" ? "" : `: ${text}`}`,
    { executed: "maybe" },
  );
}

function textOf(body: Uint8Array): string {
  return Buffer.from(body).toString("utf8", 0, 200).replaceAll(/\s+/g, " ").trim();
}
