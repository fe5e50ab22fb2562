/** For kits, backends and doors; not for users. */

export { nearNames, suggestion } from "./client/near.ts";
export { compileRange } from "./client/semver-range.ts";
export { serviceNameFault, versionFault } from "./definition/names.ts";
export { sameInstance } from "./directory/same-instance.ts";
export { type AnyService, anyService, DoorCallers } from "./door-callers.ts";
export { DeliveryQueue, type DeliveryQueueOptions } from "./events/delivery-queue.ts";
export { AssumedEndpoints } from "./foreign/assumed-endpoints.ts";
export { authorizationOf, credentialsOf } from "./foreign/credentials.ts";
export {
  assumedUnary,
  foreignAddress,
  speaksGoMicro,
  speaksGrpc,
  wholeService,
} from "./foreign/foreign-protocol.ts";
export { ForeignSession, type ForeignWire } from "./foreign/foreign-session.ts";
export {
  codeOfGoMicro,
  fromGoMicroError,
  type GoMicroError,
  isNotCalled,
  toGoMicroError,
} from "./foreign/go-micro-errors.ts";
export { goMicroEndpoints, goMicroFault, tellEndpoints } from "./foreign/go-micro-record.ts";
export {
  type FoundName,
  findGoName,
  type GoNames,
  type OurName,
  toGoName,
  type UnknownName,
} from "./foreign/go-names.ts";
export { socketAddress } from "./foreign/socket-address.ts";
export { hashText, mix, nth } from "./hash.ts";
export { instanceFault } from "./instance-fault.ts";
export { hasProtoKey, jsonExcess } from "./json-bounds.ts";
export { findJsonFault } from "./json-fault.ts";
export { createLeaseKeeper } from "./lease/lease-keeper.ts";
export type { LeaseKeeper, LeaseKeeperOptions, LeaseState } from "./lease/lease-keeper-types.ts";
export { fillNumbers, refuseUnknown } from "./option-faults.ts";
export { BatchBuffer, type BatchRim } from "./protocol/batch-buffer.ts";
export { type Frame, HEADER_BYTES, ProtocolError } from "./protocol/frame.ts";
export { FrameDecoder, type FrameSink } from "./protocol/frame-decoder.ts";
export { FrameWatch } from "./protocol/frame-watch.ts";
export { matchPreface, PREFACE } from "./protocol/preface.ts";
export { describeService } from "./server/describe.ts";
export { DESCRIBE } from "./server/served-service.ts";
export { createClientSession } from "./session/client-session.ts";
export type {
  ClientSession,
  ClientSessionEvents,
  ClientSessionOptions,
} from "./session/client-session-types.ts";
export { ItemQueue, type ItemSource } from "./session/item-queue.ts";
export { Liveness } from "./session/liveness.ts";
export type { OutgoingCall, RemoteEndpoint } from "./session/outgoing-call.ts";
export { tooLate, unavailable, withExecuted } from "./session/session-errors.ts";
export { Ticker, type TickerPort } from "./session/ticker.ts";
export { staticId } from "./static-id.ts";
export { wholeMs } from "./whole-ms.ts";
