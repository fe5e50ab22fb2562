import { type EndpointKind, RpcError } from "@skein/core";
import { assumedUnary, toGoName } from "@skein/core/internal";
import { jsonFormat } from "../format.ts";
import { protoMethodName, protoServiceName } from "../proto-names.ts";
import type { GrpcDialect } from "./dialect.ts";
import { statusError } from "./status-error.ts";

/** A service that takes JSON (`application/grpc+json`), whose methods nobody tells of. */
export interface JsonServiceOptions {
  /** Its full name: `acme.v1.UserService`. @default by the rule of our door: `user.User` for `user` */
  readonly name?: string | undefined;
  /** Of methods that are streams: `{ watchUsers: "server-stream" }`. @default unary */
  readonly kinds?: Readonly<Record<string, EndpointKind>> | undefined;
  /** Methods that may be executed twice; a caller's `idempotent` wins. @default none */
  readonly idempotent?: readonly string[] | undefined;
}

export function jsonDialect(service: string, options: JsonServiceOptions = {}): GrpcDialect {
  const { name = protoServiceName(service), kinds = {}, idempotent = [] } = options;
  return {
    endpoint: (method) => ({
      ...assumedUnary(method),
      ...(Object.hasOwn(kinds, method) && { kind: kinds[method] as EndpointKind }),
      idempotent: idempotent.includes(method),
    }),
    method(method) {
      const plain = protoMethodName(method);
      if (plain === undefined)
        throw new RpcError(
          "UNIMPLEMENTED",
          `${toGoName(service, method)}: a method of gRPC is named by letters, digits and _`,
          { executed: "no" },
        );
      return { path: `/${name}/${plain}`, format: jsonFormat };
    },
    error: statusError,
  };
}
