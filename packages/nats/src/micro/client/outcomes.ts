import { RpcError } from "@skein/core";
import { type OutgoingCall, unavailable } from "@skein/core/internal";
import { readBody } from "../json-body.ts";

/** NATS is away, or was until now: nobody else could be asked, so calls wait for it. */
export function away(message: string, executed: "no" | "maybe"): RpcError {
  const cause = Object.assign(new Error(message), { code: "ENETDOWN" });
  return unavailable(message, executed, "none", cause);
}

/** With the value in an answer. */
export function finish(call: OutgoingCall, bytes: Uint8Array): void {
  let value: unknown;
  try {
    value = readBody(bytes);
  } catch (cause) {
    const text = `the answer cannot be taken: ${(cause as Error).message}`;
    return call.fail(new RpcError("INTERNAL", text, { executed: "yes", cause }));
  }
  call.finish(value, 0);
}
