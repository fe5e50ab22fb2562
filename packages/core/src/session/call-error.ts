import type { Codec } from "../codec.ts";
import { type RetryAdvice, RpcError } from "../errors/rpc-error.ts";
import type { Frame } from "../protocol/frame.ts";
import { codeOf, decodeExecuted, decodeRetry } from "../protocol/outcome.ts";

/** The payload of ERROR; all fields optional. */
export interface ErrorPayload {
  readonly message?: string;
  readonly type?: string;
  readonly details?: unknown;
  readonly id?: string;
}

/** Of refusals that come without any. */
function words(code: string, retry: RetryAdvice): string {
  if (code === "RESOURCE_EXHAUSTED" && typeof retry === "number") return "the server is overloaded";
  return code.toLowerCase().replaceAll("_", " ");
}

const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

/** An ERROR frame to the error that the caller gets. A payload that cannot be read costs its text, not the outcome. */
export function readError(frame: Frame, codec: Codec | undefined): RpcError {
  const code = codeOf(frame.method);
  const executed = decodeExecuted(frame.last);
  const retry = decodeRetry(frame.last);
  let payload: ErrorPayload = {};
  if (frame.start !== frame.end && codec !== undefined) {
    try {
      const value = codec.decode(frame.bytes, frame.start, frame.end);
      if (typeof value === "object" && value !== null) payload = value;
    } catch (cause) {
      return new RpcError(code, "the server's error could not be decoded", { executed, retry, cause });
    }
  }
  return new RpcError(code, text(payload.message) ?? words(code, retry), {
    executed,
    retry,
    details: payload.details,
    type: text(payload.type),
    id: text(payload.id),
  });
}
