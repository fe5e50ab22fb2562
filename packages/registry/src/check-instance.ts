import { type Instance, RpcError } from "@skein/core";
import { instanceFault } from "@skein/core/internal";

/** Throws INVALID_ARGUMENT, saying what is wrong, where an instance cannot be a record. */
export function checkInstance(instance: Instance): void {
  const fault = instanceFault(instance);
  if (fault !== undefined) throw new RpcError("INVALID_ARGUMENT", fault, { executed: "no" });
}
