import { type Code, RpcError } from "../errors/rpc-error.ts";

/** An error as Go Micro's programs send it to each other. */
export interface GoMicroError {
  /** Whose it is: `user.GetUser`. */
  readonly id: string;
  /** One of HTTP's statuses. */
  readonly code: number;
  readonly detail: string;
  /** The code in words. */
  readonly status: string;
}

const STATUSES: Readonly<Record<Code, readonly [code: number, status: string]>> = {
  INVALID_ARGUMENT: [400, "Bad Request"],
  OUT_OF_RANGE: [400, "Bad Request"],
  UNAUTHENTICATED: [401, "Unauthorized"],
  PERMISSION_DENIED: [403, "Forbidden"],
  NOT_FOUND: [404, "Not Found"],
  DEADLINE_EXCEEDED: [408, "Request Timeout"],
  ALREADY_EXISTS: [409, "Conflict"],
  ABORTED: [409, "Conflict"],
  FAILED_PRECONDITION: [412, "Precondition Failed"],
  RESOURCE_EXHAUSTED: [429, "Too Many Requests"],
  CANCELLED: [499, "Client Closed Request"],
  INTERNAL: [500, "Internal Server Error"],
  DATA_LOSS: [500, "Internal Server Error"],
  UNKNOWN: [500, "Internal Server Error"],
  UNIMPLEMENTED: [501, "Not Implemented"],
  UNAVAILABLE: [503, "Service Unavailable"],
};

/** 409 is what its gRPC side makes of it: ALREADY_EXISTS, the same over both roads. */
const CODES_OF: Readonly<Record<number, Code>> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  405: "UNIMPLEMENTED",
  408: "DEADLINE_EXCEEDED",
  409: "ALREADY_EXISTS",
  412: "FAILED_PRECONDITION",
  413: "INVALID_ARGUMENT",
  415: "INVALID_ARGUMENT",
  429: "RESOURCE_EXHAUSTED",
  499: "CANCELLED",
  500: "INTERNAL",
  501: "UNIMPLEMENTED",
  502: "UNAVAILABLE",
  503: "UNAVAILABLE",
  504: "DEADLINE_EXCEEDED",
};

const MOST_TEXT = 4096;

/** The code that an error's number means; UNKNOWN for what is none of them. */
export function codeOfGoMicro(code: number): Code {
  return CODES_OF[code] ?? "UNKNOWN";
}

/**
 * What a Go Micro program is told of an error: UNKNOWN is a plain text, as of Go's `errors.New`, anything else has a code. Never empty.
 * @param id of the endpoint, in Go's way: `user.GetUser`; a typed error's own name takes the place of the method
 */
export function toGoMicroError(error: RpcError, id: string): GoMicroError | string {
  const text = (error.message === "" ? "unknown error" : error.message).slice(0, MOST_TEXT);
  // What begins like a typed one would be read as one.
  if (error.code === "UNKNOWN" && error.type === undefined)
    return text.startsWith("{") ? `UNKNOWN: ${text}` : text;
  const [code, status] = STATUSES[error.code];
  const own =
    error.type === undefined ? id : `${id.slice(0, Math.max(0, id.lastIndexOf(".")))}.${error.type}`;
  return { id: own, code, detail: text, status };
}

/** In the words of its server, when it has not called anything. */
const NOT_CALLED = /^rpc: (?:can't find (?:service|method) |service\/method request ill-formed)/;

/** Whether a program in Go (net/rpc's server, Go Micro's) says that it has not called anything: it does not know the name. */
export function isNotCalled(text: string): boolean {
  return NOT_CALLED.test(text);
}

/** What an error of a Go Micro program means; `details` is the error as it came, where it had a code. */
export function fromGoMicroError(text: string): RpcError {
  if (NOT_CALLED.test(text)) return new RpcError("UNIMPLEMENTED", text, { executed: "no" });
  const typed = parse(text);
  if (typed === undefined) return new RpcError("UNKNOWN", text, { executed: "yes" });
  if (NOT_CALLED.test(typed.detail)) return new RpcError("UNIMPLEMENTED", typed.detail, { executed: "no" });
  const message = typed.detail === "" ? typed.status || typed.id || `code ${typed.code}` : typed.detail;
  return new RpcError(codeOfGoMicro(typed.code), message, { executed: "yes", details: typed });
}

/** Undefined for what is none. */
function parse(text: string): GoMicroError | undefined {
  if (!text.startsWith("{")) return undefined;
  try {
    const { id, code, detail, status } = JSON.parse(text) as Record<string, unknown>;
    if (code !== undefined && typeof code !== "number") return undefined;
    if (code === undefined && typeof detail !== "string") return undefined;
    return { id: textOf(id), code: code ?? 0, detail: textOf(detail), status: textOf(status) };
  } catch {
    return undefined;
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
