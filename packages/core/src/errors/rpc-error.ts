/** gRPC's codes, by number: the closed set of outcomes of a call. */
export const CODES = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;
export type Code = Exclude<(typeof CODES)[number], "OK">;

/** Whether the handler ran: `no` (certainly not), `yes` (it ended), `maybe` (nobody on this side can know). */
export type Executed = "no" | "maybe" | "yes";

/**
 * What the session layer advises: `none`, `elsewhere` (at once, on another instance, free of budget), or a number:
 * not before that many milliseconds. Never taken over from a handler's or a nested call's error.
 */
export type RetryAdvice = "none" | "elsewhere" | number;

export interface RpcErrorOptions {
  /** @default "maybe" */
  readonly executed?: Executed | undefined;
  /** @default "none" */
  readonly retry?: RetryAdvice | undefined;
  readonly service?: string | undefined;
  readonly method?: string | undefined;
  /** Id of the instance that answered, where one was chosen. */
  readonly instance?: string | undefined;
  /** Structured details; sent to the caller. */
  readonly details?: unknown;
  /** Name of a typed error (`defineErrors`), its data being `details`. */
  readonly type?: string | undefined;
  /** Under which the server logged an unexpected error. */
  readonly id?: string | undefined;
  /** Kept on this side, never sent. */
  readonly cause?: unknown;
}

const BRAND = Symbol.for("skein.RpcError");

/** The one error class: what a call ended with when it did not end with a value. */
export class RpcError extends Error {
  readonly code: Code;
  readonly executed: Executed;
  readonly retry: RetryAdvice;
  readonly service: string | undefined;
  readonly method: string | undefined;
  readonly instance: string | undefined;
  readonly details: unknown;
  readonly type: string | undefined;
  readonly id: string | undefined;

  constructor(code: Code, message: string, options: RpcErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "RpcError";
    this.code = code;
    this.executed = options.executed ?? "maybe";
    this.retry = options.retry ?? "none";
    this.service = options.service;
    this.method = options.method;
    this.instance = options.instance;
    this.details = options.details;
    this.type = options.type;
    this.id = options.id;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** Milliseconds after which a server that was overloaded wants to be asked again. */
  get retryAfterMs(): number | undefined {
    return typeof this.retry === "number" ? this.retry : undefined;
  }

  /** True for an RpcError of any copy of this package. */
  static is(value: unknown): value is RpcError {
    return typeof value === "object" && value !== null && (value as Record<symbol, unknown>)[BRAND] === true;
  }

  /** The value itself if it is an RpcError; else INTERNAL with the value as its cause (its text is not taken over). */
  static from(value: unknown): RpcError {
    if (RpcError.is(value)) return value;
    return new RpcError("INTERNAL", "internal error", { cause: value });
  }
}
