import { type Code, type Executed, RpcError } from "../errors/rpc-error.ts";
import type { Method } from "./method.ts";

/** An error that the client itself ends a call with. */
export function callError(
  code: Code,
  message: string,
  method: { readonly service: string; readonly name: string },
  executed: Executed = "no",
  cause?: unknown,
): RpcError {
  return new RpcError(code, message, { executed, service: method.service, method: method.name, cause });
}

/** What it failed with on the way, not in the service: such a message does not say which call it was. */
const ON_THE_WAY: readonly Code[] = ["UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED"];

/**
 * The error that the caller gets: what the session said, and of whom.
 * @param mayHaveRun an earlier try may have been executed: then "no" for the last one is not the whole truth
 */
export function blame(
  error: RpcError,
  method: Method,
  instance: string | undefined,
  mayHaveRun: boolean,
): RpcError {
  const executed = error.executed === "no" && mayHaveRun ? "maybe" : error.executed;
  const named = error.executed === "yes" || error.service !== undefined || !ON_THE_WAY.includes(error.code);
  return new RpcError(
    error.code,
    named ? error.message : `${method.service}.${method.name}: ${error.message}`,
    {
      executed,
      retry: error.retry,
      service: method.service,
      method: method.name,
      instance: instance ?? error.instance,
      details: error.details,
      type: error.type,
      id: error.id,
      cause: error.cause,
    },
  );
}

/** Whether a failure tells something about the instance: transport, timeout, overload, INTERNAL; never a user's own error. */
export function instanceFault(error: RpcError): boolean {
  if (error.type !== undefined) return false;
  if (error.code === "INTERNAL") return error.executed !== "no";
  if (error.executed === "yes") return false;
  return (
    error.code === "UNAVAILABLE" || error.code === "DEADLINE_EXCEEDED" || error.code === "RESOURCE_EXHAUSTED"
  );
}

/** The service itself has said no: another instance would say the same. */
export function isAnswer(error: RpcError): boolean {
  return error.executed === "yes" && !instanceFault(error);
}
