import type { ForeignProtocol } from "@skein/core";
import { refuseUnknown, speaksGrpc } from "@skein/core/internal";
import { checkProtos, type LoadedProto, loadProto, type ProtoOptions } from "../protos.ts";
import type { GrpcDialect } from "./dialect.ts";
import { type JsonServiceOptions, jsonDialect } from "./json-dialect.ts";
import type { GrpcTlsOptions } from "./peer-address.ts";
import { protoDialect } from "./proto-dialect.ts";
import { createGrpcSession } from "./session.ts";

export interface GrpcProtocolOptions {
  /** Services that speak protobuf, each with its .proto: methods, their kinds, and which are idempotent (`idempotency_level`) are read there. */
  readonly protos?: readonly ProtoOptions[] | undefined;
  /** Of services that speak JSON, by our name: what cannot be guessed of them. The others need no entry. */
  readonly services?: Readonly<Record<string, JsonServiceOptions>> | undefined;
  /** TLS to every server. Without, it is spoken where an address asks for it (`grpcs://`, `https://`, `tls://`). */
  readonly tls?: GrpcTlsOptions | undefined;
}

const OPTIONS = ["protos", "services", "tls"];

/**
 * Calls gRPC servers: `client.service("user", { protocol: "grpc" })`. A service whose .proto is given is called in protobuf, the others in JSON
 * (`application/grpc+json`).
 * @throws TypeError for a .proto that cannot be read, or lacks the service
 */
export function grpcProtocol(options: GrpcProtocolOptions = {}): ForeignProtocol {
  refuseUnknown("grpcProtocol", options, OPTIONS);
  checkProtos(options.protos, "grpcProtocol");
  const { services = {}, tls } = options;
  const protos = new Map<string, LoadedProto>();
  for (const one of options.protos ?? []) {
    if (protos.has(one.service))
      throw new TypeError(`grpcProtocol: option protos has service ${one.service} twice: remove one`);
    protos.set(one.service, loadProto(one, "grpcProtocol"));
  }
  return {
    protocol: "grpc",
    speaks: speaksGrpc,
    service(name) {
      const proto = protos.get(name);
      const json = Object.hasOwn(services, name) ? services[name] : undefined;
      const dialect: GrpcDialect = proto === undefined ? jsonDialect(name, json) : protoDialect(proto);
      return {
        endpoint: (method) => dialect.endpoint(method),
        open: (given) => createGrpcSession({ ...given, dialect, tls }),
      };
    },
  };
}

/** For `client.service(name, { protocol: "grpc" })` where nobody gave the protocol. */
export const createProtocol: () => ForeignProtocol = () => grpcProtocol();
