import { RpcError } from "@skein/core";
import { type ClientSession, fromGoMicroError } from "@skein/core/internal";
import type { GrpcDialect, GrpcStatus } from "@skein/grpc/client";
import { readJson } from "../../read-json.ts";
import { writeJson } from "../../write-json.ts";
import type { GoMicroSessionOptions } from "./http-session.ts";
import type { GoMicroService } from "./service.ts";

const CONTENT_TYPE = "application/grpc+json";
/** A struct of Go's is never null. */
const NO_INPUT = Buffer.from("{}");

type GrpcClient = Pick<typeof import("@skein/grpc/client"), "createGrpcSession">;

/**
 * Connects to a Go Micro server that speaks gRPC.
 * @param grpc imports what speaks it
 * @throws Error naming the package that is not installed
 */
export async function openGrpc(
  options: GoMicroSessionOptions,
  grpc: () => Promise<GrpcClient> = () => import("@skein/grpc/client"),
): Promise<ClientSession> {
  const { createGrpcSession } = await load(grpc);
  return createGrpcSession({
    ...options,
    dialect: goMicroDialect(options.instance.service, options.service),
  });
}

async function load(grpc: () => Promise<GrpcClient>): Promise<GrpcClient> {
  try {
    return await grpc();
  } catch (error) {
    if ((error as { readonly code?: string }).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new Error(
      "Go Micro servers that speak gRPC need the package @skein/grpc: npm install @skein/grpc",
      {
        cause: error,
      },
    );
  }
}

/** `/greeter.Greeter/Hello`, in JSON, errors in Go Micro's way. */
export function goMicroDialect(name: string, service: GoMicroService): GrpcDialect {
  return {
    endpoint: (method) => service.endpoint(method),
    method(method) {
      const goName = service.goName(method);
      const dot = goName.lastIndexOf(".");
      return {
        path: `/${name}.${goName.slice(0, dot)}/${goName.slice(dot + 1)}`,
        format: {
          contentType: CONTENT_TYPE,
          encode: (value) => (value === undefined ? NO_INPUT : Buffer.from(writeJson(value))),
          decode: (bytes) => (bytes.length === 0 ? undefined : readJson(bytes)),
        },
      };
    },
    // Its older servers look at nothing else.
    headers: { "x-content-type": CONTENT_TYPE },
    error: goMicroStatusError,
  };
}

function goMicroStatusError({ code, message }: GrpcStatus): RpcError {
  const error = fromGoMicroError(message);
  if (error.code !== "UNKNOWN" || error.details !== undefined || code === "UNKNOWN") return error;
  // Said by its gRPC library, or by something in between.
  const executed =
    code === "UNIMPLEMENTED" ? "no" : code === "DEADLINE_EXCEEDED" || code === "CANCELLED" ? "maybe" : "yes";
  return new RpcError(code, message === "" ? code.toLowerCase().replaceAll("_", " ") : message, { executed });
}
