export {
  createProtocol,
  type NatsMicroProtocolOptions,
  natsMicroProtocol,
} from "./client/protocol.ts";
export { createDoor, type NatsMicroDoorOptions, natsMicroDoor } from "./door.ts";
