import type { RpcError } from "../errors/rpc-error.ts";

/**
 * Whether the transport says that what lies between us and this instance is away (its errors' `code` is ENETDOWN), as a broker that is restarted: no instance
 * is to blame, and most often none can be asked instead. Calls wait for it, within their deadlines.
 */
export function isNetworkDown({ cause }: RpcError): boolean {
  return (cause as { readonly code?: unknown } | null | undefined)?.code === "ENETDOWN";
}
