export type { GoNames, OurName } from "@skein/core/internal";
export { createProtocol, type JsonrpcProtocolOptions, jsonrpcProtocol } from "./client-protocol.ts";
export type { JsonrpcTlsOptions } from "./dial.ts";
export { createDoor, type JsonrpcDoorOptions, jsonrpcDoor } from "./door.ts";
export { DEFAULT_JSONRPC_LIMITS, type JsonrpcLimits } from "./limits.ts";
