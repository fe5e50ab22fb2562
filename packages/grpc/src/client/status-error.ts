import type { IncomingHttpHeaders } from "node:http2";
import { CODES, type Code, RpcError } from "@skein/core";
import { readOutcome, SKEIN_OUTCOME } from "../outcome.ts";
import type { GrpcStatus } from "./dialect.ts";
import { ERROR_INFO, RETRY_INFO, readDetails, type StatusDetail, VALUE } from "./status-details.ts";

/** How a call ended, by its trailers; undefined when it ended well. */
export function readStatus(trailers: IncomingHttpHeaders): GrpcStatus | undefined {
  const given = String(trailers["grpc-status"]);
  if (given === "0") return undefined;
  const known = /^\d{1,2}$/.test(given) ? CODES[Number(given)] : undefined;
  const text = trailers["grpc-message"];
  return {
    code: (known ?? "UNKNOWN") as Code,
    message: typeof text === "string" ? percentDecode(text) : "",
    trailers,
  };
}

/**
 * The error for a status: its details are what our door was given as such, or of other servers the details of google.rpc.Status, as protobuf's JSON has
 * them; its type is the reason of an ErrorInfo.
 */
export function statusError({ code, message, trailers }: GrpcStatus): RpcError {
  const outcome = readOutcome(trailers[SKEIN_OUTCOME]);
  const all = readDetails(trailers["grpc-status-details-bin"]);
  const info = all.find((detail) => detail["@type"] === ERROR_INFO);
  const reason = info?.reason;
  const ours = outcome !== undefined;
  return new RpcError(code, message === "" ? code.toLowerCase().replaceAll("_", " ") : message, {
    executed: outcome?.executed ?? (code === "DEADLINE_EXCEEDED" || code === "CANCELLED" ? "maybe" : "yes"),
    retry: outcome?.retry ?? retryAfter(all) ?? "none",
    type: typeof reason === "string" && reason !== "" && reason !== code ? reason : undefined,
    details: ours ? all.find((detail) => detail["@type"] === VALUE)?.value : all.length > 0 ? all : undefined,
    id: ours ? (info?.metadata as Readonly<Record<string, string>> | undefined)?.id : undefined,
  });
}

function retryAfter(all: readonly StatusDetail[]): number | undefined {
  const delay = all.find((detail) => detail["@type"] === RETRY_INFO)?.retryDelay;
  const ms = typeof delay === "string" ? Math.ceil(Number.parseFloat(delay) * 1000) : Number.NaN;
  return Number.isSafeInteger(ms) ? ms : undefined;
}

/** Of UTF-8; what cannot be decoded stays as it came. */
function percentDecode(text: string): string {
  const bytes = text.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  // Node gives a header's bytes as characters.
  return Buffer.from(bytes, "latin1").toString();
}

/** Of an answer that is not gRPC's: what HTTP's status comes to (gRPC's "HTTP to gRPC Status Code Mapping"). */
const BY_HTTP: Readonly<Record<number, Code>> = {
  400: "INTERNAL",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "UNIMPLEMENTED",
  429: "UNAVAILABLE",
  502: "UNAVAILABLE",
  503: "UNAVAILABLE",
  504: "UNAVAILABLE",
};

/** Undefined for a head that an answer of gRPC has. */
export function httpError(headers: IncomingHttpHeaders): RpcError | undefined {
  const status = headers[":status"] as number | undefined;
  const type = headers["content-type"];
  if (status === 200 && (type === undefined || type.startsWith("application/grpc"))) return undefined;
  const code = BY_HTTP[status ?? 0] ?? "UNKNOWN";
  const what = `HTTP status ${status ?? "missing"}, content-type ${JSON.stringify(type?.slice(0, 60) ?? "")}`;
  return new RpcError(code, `what answered is no gRPC server: ${what}`, { executed: "maybe" });
}
