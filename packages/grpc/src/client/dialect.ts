import type { IncomingHttpHeaders } from "node:http2";
import type { Code, EndpointInfo, RpcError } from "@skein/core";
import type { Format } from "../format.ts";

/**
 * How the methods of one service are named, written and fail: what differs between kinds of servers that are called over gRPC. The session does the
 * rest.
 */
export interface GrpcDialect {
  /** What is known of a method before any server was asked: `ForeignService.endpoint`. */
  endpoint(method: string): EndpointInfo;
  /**
   * Asked once a method and session.
   * @throws RpcError (`executed: "no"`) where it cannot be called
   */
  method(name: string): GrpcMethod;
  /** Sent with each call; the caller's metadata wins over them. Names in small letters. @default none */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** What a call failed with whose status is not OK. */
  error(status: GrpcStatus): RpcError;
}

export interface GrpcMethod {
  /** `/acme.v1.UserService/GetUser` */
  readonly path: string;
  /** Encodes inputs, decodes answers. What it throws ends the call. */
  readonly format: Format;
}

/** How a server ended a call. */
export interface GrpcStatus {
  readonly code: Code;
  /** `grpc-message`, decoded; "" without one. */
  readonly message: string;
  readonly trailers: IncomingHttpHeaders;
}
