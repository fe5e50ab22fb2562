import type { ForeignProtocol } from "@skein/core";
import { assumedUnary, refuseUnknown, toGoName } from "@skein/core/internal";
import { createJsonrpcSession } from "./client-session.ts";
import type { JsonrpcTlsOptions } from "./dial.ts";

export interface JsonrpcProtocolOptions {
  /** How a Go server names an endpoint. @default the rule: `multiply` of `arith` is `Arith.Multiply` */
  readonly names?: ((service: string, method: string) => string) | undefined;
  /** TLS to every server. Without, it is spoken where an address asks for it (`tls://`, `jsonrpcs://`). */
  readonly tls?: JsonrpcTlsOptions | undefined;
}

/**
 * Calls servers of Go's net/rpc/jsonrpc: `client.service("arith", { protocol: "jsonrpc" })`. Endpoints are unary, and not idempotent unless the caller
 * says so. The protocol carries no deadline, metadata, credentials or cancellation: a call that is given up goes on over there.
 */
export function jsonrpcProtocol(options: JsonrpcProtocolOptions = {}): ForeignProtocol {
  refuseUnknown("jsonrpcProtocol", options, ["names", "tls"]);
  const { names = toGoName, tls } = options;
  return {
    protocol: "jsonrpc",
    service: (service) => ({
      endpoint: assumedUnary,
      open: (given) => createJsonrpcSession({ ...given, tls, goName: (method) => names(service, method) }),
    }),
  };
}

/** For `client.service(name, { protocol: "jsonrpc" })` where nobody gave the protocol. */
export const createProtocol: () => ForeignProtocol = () => jsonrpcProtocol();
