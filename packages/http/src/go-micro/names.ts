import type { UnknownName } from "@skein/core/internal";

/** In the words of Go Micro's own server. */
export function unknownName(what: UnknownName["unknown"], goName: string): string {
  if (what === "form") return `rpc: service/method request ill-formed: ${goName}`;
  const dot = goName.lastIndexOf(".");
  return `rpc: can't find ${what} ${what === "service" ? goName.slice(0, dot) : goName.slice(dot + 1)}`;
}
