import type { UnknownName } from "@skein/core/internal";

/** In the words of Go's own server, for those who look for them. */
export function unknownName(what: UnknownName["unknown"], goName: string, hint: string): string {
  if (what === "form") return `rpc: service/method request ill-formed: ${goName}${hint}`;
  return `rpc: can't find ${what} ${goName}${hint}`;
}
