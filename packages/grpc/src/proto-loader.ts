import { createRequire } from "node:module";

/** Loading it costs as much as all the rest: only those who give a .proto, or ask for reflection, wait for it. */
export function protoLoader(): typeof import("@grpc/proto-loader") {
  return createRequire(import.meta.url)("@grpc/proto-loader") as typeof import("@grpc/proto-loader");
}
