import type { OutgoingHttpHeaders } from "node:http2";
import { CODES, type RpcError } from "@skein/core";
import { codeOfGoMicro, toGoMicroError } from "@skein/core/internal";
import { SKEIN_OUTCOME, writeOutcome } from "./outcome.ts";
import { encodeValue } from "./value.ts";
import { ProtoWriter } from "./wire.ts";

/** Of what clients allow headers to take (8 KiB, most of them). */
const MOST_DETAILS = 4096;
const MOST_MESSAGE = 1024;
const DOMAIN = "skein";

export const OK_TRAILERS: OutgoingHttpHeaders = { "grpc-status": "0" };

/** How a call that failed ends: code, message, and a google.rpc.Status in `grpc-status-details-bin`. */
export function statusTrailers(error: RpcError): OutgoingHttpHeaders {
  const message = error.message.slice(0, MOST_MESSAGE);
  return {
    "grpc-status": String(CODES.indexOf(error.code)),
    "grpc-message": percentEncode(message),
    [SKEIN_OUTCOME]: writeOutcome(error),
    "grpc-status-details-bin": statusDetails(error, message).toString("base64").replace(/=+$/, ""),
  };
}

/**
 * The same for a Go Micro program: its error as JSON in the message, no details (they would have a message of their own, which its library prefers).
 * @param path `/user.User/GetUser`
 */
export function goMicroTrailers(error: RpcError, path: string): OutgoingHttpHeaders {
  const told = toGoMicroError(error, goMicroId(path));
  if (typeof told === "string")
    return { "grpc-status": "2", "grpc-message": percentEncode(told.slice(0, MOST_MESSAGE)) };
  const cut = { ...told, detail: told.detail.slice(0, MOST_MESSAGE) };
  return {
    "grpc-status": String(CODES.indexOf(codeOfGoMicro(told.code))),
    "grpc-message": percentEncode(JSON.stringify(cut)),
  };
}

/** `user.GetUser` */
function goMicroId(path: string): string {
  const [service = "", method = ""] = path.slice(1, 200).split("/");
  const dot = service.lastIndexOf(".");
  return `${dot > 0 ? service.slice(0, dot) : service}.${method}`;
}

/**
 * google.rpc.Status with an ErrorInfo (its reason the typed error's name, its metadata what we say besides), a RetryInfo where we know when to come again,
 * and the error's details as a google.protobuf.Value.
 */
function statusDetails(error: RpcError, message: string): Buffer {
  const status = new ProtoWriter().number(1, CODES.indexOf(error.code)).bytes(2, message);
  const info = new ProtoWriter().bytes(1, error.type ?? error.code).bytes(2, error.service ?? DOMAIN);
  const metadata = { executed: error.executed, ...(error.id !== undefined && { id: error.id }) };
  for (const [key, value] of Object.entries(metadata))
    info.bytes(3, new ProtoWriter().bytes(1, key).bytes(2, value).finish());
  status.bytes(3, any("google.rpc.ErrorInfo", info.finish()));
  if (error.retryAfterMs !== undefined)
    status.bytes(
      3,
      any("google.rpc.RetryInfo", new ProtoWriter().bytes(1, duration(error.retryAfterMs)).finish()),
    );
  if (error.details !== undefined) {
    const details = encodeValue(error.details);
    if (details.length <= MOST_DETAILS) status.bytes(3, any("google.protobuf.Value", details));
  }
  return status.finish();
}

function any(type: string, message: Uint8Array): Buffer {
  return new ProtoWriter().bytes(1, `type.googleapis.com/${type}`).bytes(2, message).finish();
}

function duration(ms: number): Buffer {
  const seconds = Math.floor(ms / 1000);
  return new ProtoWriter()
    .number(1, seconds)
    .number(2, Math.round((ms - seconds * 1000) * 1e6))
    .finish();
}

/** Of the bytes of the text in UTF-8 (gRPC over HTTP/2, "Status-Message"). */
function percentEncode(text: string): string {
  let encoded = "";
  for (const byte of Buffer.from(text))
    encoded +=
      byte < 0x20 || byte > 0x7e || byte === 0x25
        ? `%${byte.toString(16).toUpperCase().padStart(2, "0")}`
        : String.fromCharCode(byte);
  return encoded;
}
