import { RpcError } from "@skein/core";
import { type OutgoingCall, unavailable } from "@skein/core/internal";
import { readBody, writeBody } from "../json-body.ts";
import type { OpenLink } from "./link.ts";

/** NATS is away, or was until now: nobody else could be asked, so calls wait for it. */
export function away(message: string, executed: "no" | "maybe"): RpcError {
  const cause = Object.assign(new Error(message), { code: "ENETDOWN" });
  return unavailable(message, executed, "none", cause);
}

/** As the server says. After a loss that is no refusal yet. */
export function nobodyServes(what: string, { justBack }: OpenLink, executed: "no" | "maybe"): RpcError {
  const text = `nobody serves ${what}`;
  return justBack ? away(`${text} yet`, executed) : unavailable(text, executed);
}

/** Its input as a body. Throws INVALID_ARGUMENT. */
export function bytesOf({ input }: OutgoingCall): Uint8Array {
  if (input === undefined) return new Uint8Array();
  try {
    return writeBody(input);
  } catch (cause) {
    const text = `the input cannot be JSON: ${(cause as Error).message}`;
    throw new RpcError("INVALID_ARGUMENT", text, { executed: "no", cause });
  }
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
