import { type Code, RpcError } from "../errors/rpc-error.ts";
import type { Logger, Runtime } from "../runtime.ts";
import type { Call } from "./served-service.ts";

/** What of an error is sent: an RpcError's own words; of anything else an id, under which the log has the rest. */
export function describeFailure(
  call: Call,
  error: unknown,
  runtime: Runtime,
  logger: Logger,
): { code: Code; payload: object } {
  if (RpcError.is(error) && error.code !== "INTERNAL") {
    const { message, type, details } = error;
    return {
      code: error.code,
      payload: { message, ...(type !== undefined && { type }), ...(details !== undefined && { details }) },
    };
  }
  const id = runtime.uniqueId();
  logger.error(
    { id, service: call.service, method: call.method, peer: call.peer, err: error },
    "a call failed unexpectedly",
  );
  const message = RpcError.is(error) ? error.message : "internal error";
  return { code: "INTERNAL", payload: { message: `${message} (see the server's log, id ${id})`, id } };
}
