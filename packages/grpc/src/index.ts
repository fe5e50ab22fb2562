export { createDoor, type GrpcDoorOptions, grpcDoor } from "./door.ts";
export type { ProtoOptions } from "./protos.ts";
