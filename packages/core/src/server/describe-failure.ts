import { type Code, type Executed, RpcError } from "../errors/rpc-error.ts";
import type { Logger, Runtime } from "../runtime.ts";
import type { Call } from "./served-service.ts";
import { DEADLINE_PASSED } from "./server-call.ts";

interface Failure {
  readonly code: Code;
  readonly executed: Executed;
  readonly payload: object;
}

/**
 * What of an error is sent: an RpcError's own words; of anything else an id, under which the log has the rest. A handler that ends because its time
 * is up races its caller's own look at the clock: both say the same, whatever it gave.
 */
export function describeFailure(call: Call, error: unknown, runtime: Runtime, logger: Logger): Failure {
  if (call.late)
    return { code: "DEADLINE_EXCEEDED", executed: "maybe", payload: { message: DEADLINE_PASSED } };
  const executed = call.started ? "yes" : "no";
  if (RpcError.is(error) && error.code !== "INTERNAL") {
    const { message, type, details } = error;
    return {
      code: error.code,
      executed,
      payload: { message, ...(type !== undefined && { type }), ...(details !== undefined && { details }) },
    };
  }
  const id = runtime.uniqueId();
  logger.error(
    { id, service: call.service, method: call.method, peer: call.peer, err: error },
    "a call failed unexpectedly",
  );
  const message = RpcError.is(error) ? error.message : "internal error";
  return {
    code: "INTERNAL",
    executed,
    payload: { message: `${message} (see the server's log, id ${id})`, id },
  };
}
