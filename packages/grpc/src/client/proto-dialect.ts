import { type EndpointKind, RpcError } from "@skein/core";
import { assumedUnary, findGoName } from "@skein/core/internal";
import { type LoadedProto, type ProtoMethod, protoKind, requestFormat } from "../protos.ts";
import type { GrpcDialect } from "./dialect.ts";
import { statusError } from "./status-error.ts";

const CONTENT_TYPE = "application/grpc";
/** `option idempotency_level` of a method. */
const IDEMPOTENT = new Set(["IDEMPOTENT", "NO_SIDE_EFFECTS"]);

/** A service as its .proto has it: `getUser` is its `GetUser`. */
export function protoDialect(proto: LoadedProto): GrpcDialect {
  const endpoints = [...proto.methods].map(([name, method]) => ({
    ...assumedUnary(name),
    kind: protoKind(method),
    timeoutMs: null,
  }));
  const described = [{ service: proto.service, version: "", endpoints }];
  const find = (name: string): { readonly method: ProtoMethod; readonly name: string } | string => {
    const found = findGoName(`${proto.service}.${name}`, described);
    if ("unknown" in found) return found.hint;
    return { method: proto.methods.get(found.method) as ProtoMethod, name: found.method };
  };
  return {
    endpoint(name) {
      const found = find(name);
      if (typeof found === "string") return assumedUnary(name);
      const kind: EndpointKind = protoKind(found.method);
      return { ...assumedUnary(name), kind, idempotent: idempotentMethod(found.method) };
    },
    method(name) {
      const found = find(name);
      if (typeof found === "string")
        throw new RpcError("UNIMPLEMENTED", `${proto.name} has no method for ${name}${found}`, {
          executed: "no",
        });
      const path = `/${proto.name}/${found.name}`;
      return { path, format: requestFormat(path, found.method, CONTENT_TYPE) };
    },
    error: statusError,
  };
}

function idempotentMethod({ options }: ProtoMethod): boolean {
  return IDEMPOTENT.has(String((options as { readonly idempotency_level?: unknown }).idempotency_level));
}
