import { CODES } from "@skein/core";
import { invalid } from "./format.ts";
import type { Handler } from "./handler.ts";
import type { ReflectionIndex } from "./reflection-index.ts";
import { ProtoWriter, protoFields } from "./wire.ts";

export const REFLECTION_SERVICES = [
  "grpc.reflection.v1.ServerReflection",
  "grpc.reflection.v1alpha.ServerReflection",
];

/** Server reflection, by path. Both versions are the same on the wire. @param index as things are now */
export function reflectionHandlers(index: () => ReflectionIndex): ReadonlyMap<string, Handler> {
  const handler: Handler = {
    kind: "bidi-stream",
    format: (contentType) => ({
      contentType,
      decode: (bytes) => bytes,
      encode: (bytes) => bytes as Uint8Array,
    }),
    async *run(input) {
      for await (const request of input as AsyncIterable<Uint8Array>) yield answer(index(), request);
    },
  };
  return new Map(REFLECTION_SERVICES.map((service) => [`/${service}/ServerReflectionInfo`, handler]));
}

/** ServerReflectionResponse for a ServerReflectionRequest; field numbers are reflection.proto's. */
function answer(index: ReflectionIndex, request: Uint8Array): Uint8Array {
  const asked = read(request);
  const response = new ProtoWriter().bytes(1, asked.host).bytes(2, request);
  if (asked.field === 7) {
    const list = new ProtoWriter();
    for (const name of index.services) list.bytes(1, new ProtoWriter().bytes(1, name).finish());
    return response.bytes(6, list.finish()).finish();
  }
  const files =
    asked.field === 3 ? index.fileOf(asked.text) : asked.field === 4 ? index.fileWith(asked.text) : undefined;
  if (files !== undefined) {
    const found = new ProtoWriter();
    for (const file of files) found.bytes(1, file);
    return response.bytes(4, found.finish()).finish();
  }
  const [code, message] =
    asked.field === 0
      ? (["INVALID_ARGUMENT", "nothing was asked"] as const)
      : (["NOT_FOUND", `nothing is known of ${asked.text.slice(0, 200)}`] as const);
  const error = new ProtoWriter().number(1, CODES.indexOf(code)).bytes(2, message);
  return response.bytes(7, error.finish()).finish();
}

function read(request: Uint8Array): { readonly host: string; readonly field: number; readonly text: string } {
  let host = "";
  let [field, text] = [0, ""];
  try {
    for (const part of protoFields(request, 0, request.length)) {
      if (part.wire !== 2) continue;
      const given = Buffer.from(request.subarray(part.start, part.end)).toString();
      if (part.field === 1) host = given;
      else [field, text] = [part.field, given];
    }
  } catch (cause) {
    throw invalid("a message is no ServerReflectionRequest", cause);
  }
  return { host, field, text };
}
