import { type Code, type Executed, type RetryAdvice, RpcError } from "@skein/core";

/** What the session says when it is not the server that speaks. */
export function unavailable(
  message: string,
  executed: Executed = "no",
  retry: RetryAdvice = "none",
  cause?: unknown,
): RpcError {
  return new RpcError("UNAVAILABLE", message, { executed, retry, cause });
}

export function tooLate(executed: Executed): RpcError {
  return new RpcError("DEADLINE_EXCEEDED", "the deadline passed", { executed });
}

/** Nothing was sent: the input, or what goes with it, cannot be written. */
export function unsendable(error: unknown): RpcError {
  if (RpcError.is(error)) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new RpcError("INVALID_ARGUMENT", `the input cannot be written: ${why}`, {
    executed: "no",
    cause: error,
  });
}

/** The server answered, and what it said cannot be used. */
export function unreadable(error: unknown): RpcError {
  const why = error instanceof Error ? error.message : String(error);
  const code = RpcError.is(error) && error.code === "RESOURCE_EXHAUSTED" ? error.code : "INTERNAL";
  return new RpcError(code, `the answer cannot be read: ${why}`, { executed: "yes", cause: error });
}

/** The server said neither how the call ended nor why: it stopped. */
export function broken(code: Code, message: string, executed: Executed = "maybe"): RpcError {
  return new RpcError(code, message, { executed });
}
