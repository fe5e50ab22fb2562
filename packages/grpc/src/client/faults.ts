import { type Code, RpcError } from "@skein/core";

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
export function broken(code: Code, message: string): RpcError {
  return new RpcError(code, message, { executed: "maybe" });
}
