import { type Code, type Executed, RpcError } from "@skein/core";
import { HttpRefusal } from "./refusal.ts";

/** gRPC's own mapping (google.rpc.Code). */
export const STATUS_OF: Readonly<Record<Code, number>> = {
  CANCELLED: 499,
  UNKNOWN: 500,
  INVALID_ARGUMENT: 400,
  DEADLINE_EXCEEDED: 504,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  PERMISSION_DENIED: 403,
  RESOURCE_EXHAUSTED: 429,
  FAILED_PRECONDITION: 400,
  ABORTED: 409,
  OUT_OF_RANGE: 400,
  UNIMPLEMENTED: 501,
  INTERNAL: 500,
  UNAVAILABLE: 503,
  DATA_LOSS: 500,
  UNAUTHENTICATED: 401,
};

/** What a caller reads of an error. */
export interface ErrorBody {
  readonly code: Code;
  readonly message: string;
  /** Name of a typed error, `details` being its data. */
  readonly type?: string | undefined;
  readonly details?: unknown;
  /** Under which the server logged it. */
  readonly id?: string | undefined;
  readonly executed: Executed;
  /** Not before that many milliseconds should it be tried again. */
  readonly retryAfterMs?: number | undefined;
}

export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ErrorBody;
}

/** How a call's error, or the door's own refusal, is answered. */
export function errorAnswer(error: unknown): ErrorAnswer {
  if (error instanceof HttpRefusal) {
    const { status, code, message, details, headers } = error;
    return { status, headers, body: { code, message, details, executed: "no" } };
  }
  const known = RpcError.from(error);
  return { status: STATUS_OF[known.code], headers: headersOf(known), body: errorBody(known) };
}

export function errorBody(error: RpcError): ErrorBody {
  const { code, message, type, details, id, executed, retryAfterMs } = error;
  return { code, message, type, details, id, executed, retryAfterMs };
}

function headersOf({ code, retryAfterMs, executed }: RpcError): Readonly<Record<string, string>> {
  if (code === "UNAUTHENTICATED") return { "www-authenticate": "Bearer" };
  if (code !== "UNAVAILABLE" && code !== "RESOURCE_EXHAUSTED") return {};
  const seconds = Math.max(1, Math.ceil((retryAfterMs ?? 0) / 1000));
  // Refused: another connection may lead to an instance that is not about to leave.
  const leave = code === "UNAVAILABLE" && executed === "no";
  return { "retry-after": String(seconds), ...(leave && { connection: "close" }) };
}
