import { CodecError } from "../codec.ts";
import { RpcError } from "../errors/rpc-error.ts";

/** What a client's session says when it is not the server that speaks. */
export function unavailable(
  message: string,
  executed: RpcError["executed"] = "no",
  retry: RpcError["retry"] = "none",
  cause?: unknown,
): RpcError {
  return new RpcError("UNAVAILABLE", message, { executed, retry, cause });
}

/** Sent: nobody knows. Not sent: certainly not, and another instance may have it. */
export function withExecuted(error: RpcError, executed: "no" | "maybe"): RpcError {
  const retry = executed === "no" && error.code !== "CANCELLED" ? "elsewhere" : "none";
  return new RpcError(error.code, error.message, { executed, retry, cause: error.cause });
}

export function tooLate(executed: "no" | "maybe"): RpcError {
  return new RpcError("DEADLINE_EXCEEDED", "the deadline passed", { executed });
}

/** Encoding failed: nothing was sent. */
export function unsendable(error: unknown): RpcError {
  if (RpcError.is(error)) return error;
  if (error instanceof CodecError || error instanceof TypeError)
    return new RpcError("INVALID_ARGUMENT", error.message, { executed: "no", cause: error });
  return new RpcError("INTERNAL", "the input could not be encoded", { executed: "no", cause: error });
}

export function undecodable(error: unknown): RpcError {
  const text = error instanceof CodecError ? error.message : "unexpected";
  return new RpcError("INTERNAL", `the answer could not be decoded: ${text}`, {
    executed: "yes",
    cause: error,
  });
}

/** What the connection says of its end: what was committed later than that never came to the other end, clock.monotonic() ms. */
export function undeliveredSince({ cause }: RpcError): number {
  const since = (cause as { readonly undeliveredSince?: unknown } | null | undefined)?.undeliveredSince;
  return typeof since === "number" ? since : Number.POSITIVE_INFINITY;
}
