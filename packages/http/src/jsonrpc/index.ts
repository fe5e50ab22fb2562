export type { GoNames, OurName } from "@skein/core/internal";
export { createDoor, type JsonrpcDoorOptions, jsonrpcDoor } from "./door.ts";
export { DEFAULT_JSONRPC_LIMITS, type JsonrpcLimits } from "./limits.ts";
