export { createProtocol, type GoMicroProtocolOptions, goMicroProtocol } from "./client/protocol.ts";
export type { GoMicroServiceOptions } from "./client/service.ts";
