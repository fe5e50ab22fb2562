export type { GrpcDialect, GrpcMethod, GrpcStatus } from "./dialect.ts";
export type { JsonServiceOptions } from "./json-dialect.ts";
export type { GrpcTlsOptions } from "./peer-address.ts";
export { createProtocol, type GrpcProtocolOptions, grpcProtocol } from "./protocol.ts";
export { createGrpcSession, type GrpcSessionOptions } from "./session.ts";
export { statusError } from "./status-error.ts";
