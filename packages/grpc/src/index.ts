export { createDoor, type GrpcDoorOptions, grpcDoor } from "./door.ts";
